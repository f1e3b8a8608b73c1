"""What a study says: evidence of its runs in, tests over seeds, one verdict in plain words out (pure)."""

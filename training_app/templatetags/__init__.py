"""How values of a run are written."""

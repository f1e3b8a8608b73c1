"""What the jobs of this app do: `run(config, ctx)`, one module per kind."""

"""Job kinds of training: one `run(config, ctx) -> result` each."""

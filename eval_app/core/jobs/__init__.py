"""Job kinds of evaluation: one `run(config, ctx) -> result` each."""

"""Tasks: what is asked of a model, one YAML file each in the format of lm-evaluation-harness, and suites of them."""

"""The domain of evaluation: configs, studies, statistics, verdicts. No Django here."""

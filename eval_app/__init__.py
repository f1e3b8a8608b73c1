"""Evaluation, studies, verdicts and the flywheel. May import training_app and curriculum_app."""

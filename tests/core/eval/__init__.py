"""Tests of eval_app.core."""

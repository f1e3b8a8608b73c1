"""Tests of training_app.core."""

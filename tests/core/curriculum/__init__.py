"""Tests of curriculum_app.core."""

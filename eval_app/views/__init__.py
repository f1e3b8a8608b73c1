"""Thin views of evaluation: home, studies, reports."""

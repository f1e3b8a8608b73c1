"""Figures of the lowest app as plain plotly JSON, one file per chart."""

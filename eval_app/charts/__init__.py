"""Figures of evaluation: each file turns selected data into one figure (docs/frontend.md, A chart)."""

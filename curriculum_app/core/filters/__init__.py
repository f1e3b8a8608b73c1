"""Filters: one file each, found by the registry `FILTERS` of `base.py`."""

"""Whole journeys in a browser (make acceptance)."""

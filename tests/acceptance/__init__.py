"""The full starter study in a browser (make acceptance)."""

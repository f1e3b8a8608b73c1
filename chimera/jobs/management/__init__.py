"""Commands of manage.py (Django asks for this folder)."""

"""Projects, members, roles and API tokens: who may do what (Django app)."""

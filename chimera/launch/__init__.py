"""`make run`: private servers, processes under supervision, one address. Read `__main__.py` from top to bottom.

lock.py         the exact versions of requirements.lock, from the installed metadata
processes.py    children with a log file each, ended together
servers.py      PostgreSQL and Valkey out of their wheels
credentials.py  the generated secret key and first password
prepare.py      migrate, static files, first user, starter project (the one part that needs Django)
__main__.py     the order of it all
"""

"""Chimera's settings over the tests' own servers. Only speed and places differ from what `make run` uses."""

from tests import embedded

embedded.ensure()

from chimera.settings import *  # noqa: E402, F403
from chimera.settings import DATABASES, STORAGES  # noqa: E402

# Named, because the process of a live-server test derives it a second time.
DATABASES["default"]["TEST"] = {"NAME": "test_chimera"}
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # no collectstatic
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True

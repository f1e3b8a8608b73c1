"""The web process: HTTP by Django, one WebSocket by channels. Must start without torch."""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chimera.settings")
http = get_asgi_application()  # sets Django up, so it comes before anything that needs models

from django.conf import settings  # noqa: E402

from chimera.bounded_body import BoundedBody  # noqa: E402
from training_app.routing import websocket_urlpatterns  # noqa: E402 - needs the apps that the line above has loaded

FORM_BYTES = 1 << 20  # what a form needs beside its file

application = ProtocolTypeRouter(
    {
        "http": BoundedBody(http, settings.MAX_UPLOAD_BYTES + FORM_BYTES),
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)

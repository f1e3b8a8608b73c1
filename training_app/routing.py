"""The WebSocket's route (chimera/asgi.py mounts it behind the origin check and the session)."""

from django.urls import path

from training_app.consumers import LiveConsumer

websocket_urlpatterns = [path("ws/live/", LiveConsumer.as_asgi())]

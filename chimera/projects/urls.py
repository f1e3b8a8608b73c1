"""URLs of login and project switch."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from chimera.projects import views

urlpatterns = [
    path("login/", views.Login.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("project/switch/", views.switch, name="project-switch"),
    path("project/tokens/", views.tokens, name="tokens"),
    path("project/tokens/<int:pk>/revoke/", views.token_revoke, name="token-revoke"),
]

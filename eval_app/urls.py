"""URLs of eval_app."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []

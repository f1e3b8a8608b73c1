"""URLs of curriculum_app."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []

"""URLs of training_app."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []

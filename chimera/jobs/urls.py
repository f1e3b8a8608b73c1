"""URLs of the job pages (docs/jobs.md)."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []

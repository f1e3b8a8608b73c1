"""Django application of projects."""

from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    name = "chimera.projects"
    label = "projects"
    verbose_name = "Projects"

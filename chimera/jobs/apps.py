"""Django application of jobs."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "chimera.jobs"
    label = "jobs"
    verbose_name = "Jobs"

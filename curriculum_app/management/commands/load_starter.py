"""`manage.py load_starter`: the starter project and its taxonomy (run by `make run` at every start)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from curriculum_app.services.starter import load_starter_project


class Command(BaseCommand):
    help = "Create what is missing of the starter project; nothing a user has edited is changed."

    def handle(self, *args: Any, **options: Any) -> None:
        project = load_starter_project()
        self.stdout.write(f"{project.name} is ready ({project.slug})")

"""Django application of training; registers its job kinds and its chore."""

from django.apps import AppConfig


class TrainingAppConfig(AppConfig):
    name = "training_app"
    verbose_name = "Training"

    def ready(self) -> None:
        from chimera.jobs import chores
        from training_app import kinds, panels  # noqa: F401

        chores.register("training_app.services.sealing:seal_due")

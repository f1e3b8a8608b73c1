"""Django application of training; registers its job kinds."""

from django.apps import AppConfig


class TrainingAppConfig(AppConfig):
    name = "training_app"
    verbose_name = "Training"

    def ready(self) -> None:
        from training_app import kinds, panels  # noqa: F401

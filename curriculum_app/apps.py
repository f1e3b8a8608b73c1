"""Django application of curricula; registers its job kinds."""

from django.apps import AppConfig


class CurriculumAppConfig(AppConfig):
    name = "curriculum_app"
    verbose_name = "Curriculum"

    def ready(self) -> None:
        from curriculum_app import kinds  # noqa: F401

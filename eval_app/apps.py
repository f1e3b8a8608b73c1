"""Django application of evaluation; registers its job kinds."""

from django.apps import AppConfig


class EvalAppConfig(AppConfig):
    name = "eval_app"
    verbose_name = "Eval"

    def ready(self) -> None:
        from eval_app import kinds, panels  # noqa: F401
        from eval_app.services import watches

        watches.connect()

"""The portfolio: models, what training them would take, and the workers it was measured on."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST
from pydantic import ValidationError

from chimera.config_forms import ConfigForm, posted
from chimera.errors import InputError, problems_of
from chimera.jobs import services
from chimera.projects.request import actor_of
from training_app.core.configs_portfolio import PredictConfig
from training_app.models import WorkerSpeed
from training_app.selectors import machines, portfolio


@require_GET
def models_page(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    form, config = _wanted(request.GET)
    speeds = machines.all_speeds()
    speed = _speed(speeds, request.GET.get("speed", ""))
    page = portfolio.portfolio_page(actor, request.GET.get("page", "1"))
    rows = portfolio.model_rows(actor, page)
    context = {
        "form": form,
        "config": config,
        "page": page,
        "rows": [(row, row.predictions(config, speed)) for row in rows],
        "bases": [(row, row.predictions(config, speed)) for row in portfolio.bases(actor)],
        "machines": machines.machines(),
        "speeds": speeds,
        "speed": speed,
    }
    return render(request, "training/models.html", context)


def _wanted(query: QueryDict) -> tuple[ConfigForm, PredictConfig]:
    """The form and its config; the defaults where something is impossible, said at its field."""

    def check(raw: object) -> PredictConfig:
        try:
            return PredictConfig.model_validate(raw)
        except ValidationError as error:
            raise InputError(problems_of(error)) from error

    empty = ConfigForm(PredictConfig, lambda kind: [], check)
    if not query.keys() & PredictConfig.model_fields.keys():
        return empty, PredictConfig()
    data = posted(empty)
    for name in PredictConfig.model_fields:
        if name in query or name == "checkpointing":  # an unticked box is not sent
            data.setlist(name, query.getlist(name))
    form = ConfigForm(PredictConfig, lambda kind: [], check, data)
    form.is_valid()
    return form, form.config if isinstance(form.config, PredictConfig) else PredictConfig()


def _speed(speeds: list[WorkerSpeed], wanted: str) -> WorkerSpeed | None:
    chosen = [speed for speed in speeds if str(speed.pk) == wanted]
    return next(iter(chosen or speeds), None)


@require_POST
def measure(request: HttpRequest) -> HttpResponse:
    """Start a measurement; whichever worker takes it is measured."""
    try:
        job, _ = services.start(actor_of(request), "measure-worker", {})
    except InputError as error:
        messages.error(request, str(error))
        return redirect("models")
    return redirect("job-detail", pk=job.pk)

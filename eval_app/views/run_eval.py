"""The tab Eval of a run: what its checkpoints score over tokens, and what every one of them is to be asked."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from chimera.config_forms import ConfigForm
from chimera.errors import InputError
from chimera.jobs import refs
from chimera.jobs.validation import validate_as
from chimera.projects.access import Actor
from chimera.projects.request import actor_of
from eval_app.charts.task_curve import task_curve
from eval_app.core.configs_evaluate import WatchConfig
from eval_app.models import EvalReport, Watch
from eval_app.selectors.run_scores import task_curves
from eval_app.services import watches
from training_app.models import TrainingRun
from training_app.views.request import run_or_404
from training_app.views.runs import run_page


@require_http_methods(["GET", "POST"])
def run_eval(request: HttpRequest, pk: int) -> HttpResponse:
    """`POST` sets what every kept checkpoint is asked."""
    actor, run = actor_of(request), run_or_404(request, pk)
    watch = Watch.objects.filter(run=run).first()
    form = _form(actor, request, watch)
    if request.method == "POST" and form.is_valid():
        try:
            watches.watch(actor, run, form.raw())
        except InputError as error:
            form.add_problems(error.problems)
        else:
            messages.success(request, "Every checkpoint that this run keeps is evaluated")
            return redirect("run-eval", pk=run.pk)
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "eval/run_eval.html", _context(request, run, watch, form), status=status)


def _context(request: HttpRequest, run: TrainingRun, watch: Watch | None, form: ConfigForm) -> dict[str, object]:
    curves = task_curves(run)
    reports = EvalReport.objects.filter(checkpoint__run=run).select_related("checkpoint")
    return run_page(request, run, "run-eval") | {
        "curves": [curve for curve in curves if len(curve.scores) > 1],
        "once": [(curve, curve.tokens[0], curve.scores[0]) for curve in curves if len(curve.scores) == 1],
        "reports": reports.order_by("-checkpoint__tokens", "-pk")[:50],
        "kept": run.checkpoints.count(),
        "watch": watch,
        "form": form,
        "groups": form.groups(),
    }


def _form(actor: Actor, request: HttpRequest, watch: Watch | None) -> ConfigForm:
    def ref_choices(kind: str) -> list[tuple[str, str]]:
        return [(row.uid, f"{row.label} ({row.uid})") for row in refs.choices(actor.project, kind)[:500]]

    initial = watch.config if watch else refs.with_every(WatchConfig, {"suite": "default"}, actor.project)
    data = request.POST if request.method == "POST" else None
    return ConfigForm(WatchConfig, ref_choices, lambda raw: validate_as(WatchConfig, raw, actor.project), data, initial)


@require_POST
def run_unwatch(request: HttpRequest, pk: int) -> HttpResponse:
    watches.unwatch(actor_of(request), run_or_404(request, pk))
    return redirect("run-eval", pk=pk)


@require_GET
def run_task(request: HttpRequest, pk: int, task: str) -> JsonResponse:
    """The figure of one task."""
    curve = next((each for each in task_curves(run_or_404(request, pk)) if each.task == task), None)
    if curve is None:
        raise Http404(f"no checkpoint of run-{pk} was asked {task}")
    return JsonResponse(task_curve(curve.tokens, curve.scores))

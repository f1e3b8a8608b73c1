"""Studies: list, verdict page, its charts, its frozen config."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from chimera.jobs.models import State
from chimera.projects.request import actor_of, crumbs
from eval_app.charts.held_out_curves import held_out_curves
from eval_app.charts.paired_differences import paired_differences
from eval_app.models import Study
from eval_app.selectors import reproductions
from eval_app.selectors import studies as selectors
from eval_app.selectors.studies import Cell
from training_app.models import TrainingRun


@require_GET
def study_list(request: HttpRequest) -> HttpResponse:
    studies = selectors.study_list(actor_of(request))
    page = Paginator(studies, 50).get_page(request.GET.get("page"))
    return render(request, "eval/study_list.html", {"page": page})


@require_GET
def study_detail(request: HttpRequest, pk: int) -> HttpResponse:
    study = selectors.study_get(actor_of(request), pk)
    if not request.headers.get("HX-Request"):
        return render(request, "eval/study_detail.html", _context(study))
    response = render(request, "eval/_study_live.html", _context(study))
    if study.verdict is not None:
        response["HX-Refresh"] = "true"  # the verdict has come: the whole page is another one now
    return response


def _context(study: Study) -> dict[str, Any]:
    config = selectors.study_config(study)
    cells = selectors.study_cells(study)
    arms = [arm.name for arm in config.arms]
    return {
        "study": study,
        "config": config,
        "confidence": f"{100 * (1 - config.alpha):g} %",
        "arms": arms,
        "arm_rows": selectors.study_arms(config, study.verdict),
        "grid": selectors.study_grid(config, cells),
        "finished": sum(cell.state == "succeeded" for cell in cells),
        "planned": len(arms) * len(config.seeds),
        "run_to_watch": _run_to_watch(cells),
        "has_curves": any(config.primary_outcome.metric in cell.run.latest for cell in cells),
        "verdict": study.verdict,
        **reproductions.shown(study),
        "crumbs": crumbs(("Studies", reverse("studies")), (study.uid, "")),
    }


def _run_to_watch(cells: list[Cell]) -> TrainingRun | None:
    """The first run that is learning now, else the first one."""
    running = [cell for cell in cells if cell.state == State.RUNNING]
    return next((cell.run for cell in [*running, *cells]), None)


@require_GET
def study_differences(request: HttpRequest, pk: int, arm: int) -> JsonResponse:
    study = selectors.study_get(actor_of(request), pk)
    verdict = study.verdict or {"comparisons": []}
    if arm >= len(verdict["comparisons"]):
        raise Http404("no such comparison in this study")
    return JsonResponse(paired_differences(verdict["comparisons"][arm], verdict["baseline"], verdict["alpha"]))


@require_GET
def study_curves(request: HttpRequest, pk: int) -> JsonResponse:
    study = selectors.study_get(actor_of(request), pk)
    arms = [arm.name for arm in selectors.study_config(study).arms]
    return JsonResponse(held_out_curves(selectors.held_out_curves(actor_of(request), study), arms))


@require_GET
def study_config(request: HttpRequest, pk: int) -> JsonResponse:
    """The frozen config, ready for `chimera run study --config`."""
    study = selectors.study_get(actor_of(request), pk)
    response = JsonResponse(study.job.config, json_dumps_params={"indent": 1})
    response["Content-Disposition"] = f'attachment; filename="study-{study.pk}.json"'
    return response

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
from eval_app.charts.arm_differences import arm_differences
from eval_app.charts.held_out_curves import held_out_curves
from eval_app.charts.paired_differences import paired_differences
from eval_app.charts.quality_against_performance import quality_against_performance
from eval_app.core.verdicts.outcome import Outcome
from eval_app.core.verdicts.stopping import looks_of
from eval_app.models import Study
from eval_app.selectors import reproductions
from eval_app.selectors import studies as selectors
from eval_app.selectors.edited_runs import edited_runs
from eval_app.selectors.studies import Cell
from eval_app.selectors.transfers import transfers_of
from eval_app.selectors.within_seeds import within_seeds
from training_app.models import TrainingRun

SPENDING = {"obrien_fleming": "O'Brien-Fleming", "pocock": "Pocock"}


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
    config, verdict = selectors.study_config(study), selectors.study_verdict(study)
    cells = selectors.study_cells(study, config)
    arms = [arm.name for arm in config.arms]
    return {
        "study": study,
        "config": config,
        "confidence": f"{100 * (1 - config.alpha):g} %",
        "arms": arms,
        "arm_rows": selectors.arms_by_rank(config, verdict),
        "quantiles": verdict is not None and selectors.quantiles_of(config) is not None,
        "secondary": selectors.secondary_table(verdict) if verdict else None,
        "all_trained": verdict is not None and all(arm.beats_unigram for arm in verdict.arms),
        "looks": looks_of(len(config.seeds), config.alpha, config.early_stop),
        "spending": SPENDING[config.early_stop.spending] if config.early_stop else "",
        "curves_title": Outcome(metric=selectors.curve_key(config)).words.capitalize(),
        "grid": selectors.study_grid(config, cells),
        "finished": sum(cell.state == "succeeded" for cell in cells),
        "planned": len(arms) * len(config.seeds),
        "run_to_watch": _run_to_watch(cells),
        "has_curves": any(selectors.curve_key(config) in cell.run.latest for cell in cells),
        "verdict": verdict,
        "edited": edited_runs(study),
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
    verdict = selectors.study_verdict(study)
    if verdict is None or arm >= len(verdict.comparisons):
        raise Http404("no such comparison in this study")
    return JsonResponse(paired_differences(verdict.comparisons[arm], verdict))


@require_GET
def study_arm_differences(request: HttpRequest, pk: int) -> JsonResponse:
    verdict = selectors.study_verdict(selectors.study_get(actor_of(request), pk))
    if verdict is None:
        raise Http404("this study has no verdict yet")
    return JsonResponse(arm_differences(verdict))


@require_GET
def study_transfers(request: HttpRequest, pk: int) -> HttpResponse:
    """Other studies of the same arms, for the page; empty where there are none."""
    actor = actor_of(request)
    study = selectors.study_get(actor, pk)
    verdict = selectors.study_verdict(study)
    transfers = transfers_of(actor, study, verdict) if verdict else []
    return render(request, "eval/_study_transfers.html", {"transfers": transfers})


@require_GET
def study_within(request: HttpRequest, pk: int, arm: int) -> HttpResponse:
    """One arm against the baseline within each seed, for the page."""
    actor = actor_of(request)
    study = selectors.study_get(actor, pk)
    verdict = selectors.study_verdict(study)
    if verdict is None or arm >= len(verdict.comparisons):
        raise Http404("no such comparison in this study")
    name, baseline = verdict.comparisons[arm].arm, verdict.baseline
    rows = within_seeds(actor, study, name, baseline)
    return render(request, "eval/_study_within.html", {"rows": rows, "arm": name, "baseline": baseline})


@require_GET
def study_quantiles(request: HttpRequest, pk: int) -> JsonResponse:
    study = selectors.study_get(actor_of(request), pk)
    axis, verdict = selectors.quantiles_of(selectors.study_config(study)), selectors.study_verdict(study)
    if axis is None or verdict is None:
        raise Http404("this study compares no quantiles, or has no verdict yet")
    return JsonResponse(quality_against_performance(axis, verdict, selectors.tokens_by_group(study, axis.grouping)))


@require_GET
def study_curves(request: HttpRequest, pk: int) -> JsonResponse:
    study = selectors.study_get(actor_of(request), pk)
    config = selectors.study_config(study)
    curves = selectors.held_out_curves(actor_of(request), study, selectors.curve_key(config))
    return JsonResponse(held_out_curves(curves, [arm.name for arm in config.arms]))


@require_GET
def study_config(request: HttpRequest, pk: int) -> JsonResponse:
    """The frozen config, ready for `chimera run study --config`."""
    study = selectors.study_get(actor_of(request), pk)
    response = JsonResponse(study.job.config, json_dumps_params={"indent": 1})
    response["Content-Disposition"] = f'attachment; filename="study-{study.pk}.json"'
    return response

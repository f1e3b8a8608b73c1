"""The runs table and the pages of one run."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from chimera.jobs.kinds import page_of
from chimera.jobs.log_views import log_context
from chimera.jobs.models import State
from chimera.jobs.selectors import events_of
from chimera.jobs.services import verbs_for
from chimera.panels import tabs_of
from chimera.projects.request import actor_of, crumbs
from training_app.charts.run_cards import Card, own_cards, sections_of
from training_app.charts.standing import spread
from training_app.models import TrainingRun
from training_app.selectors import live
from training_app.selectors import run_columns as table
from training_app.selectors import runs as selectors
from training_app.selectors.batch import batch_of
from training_app.selectors.browse import logged_in_project
from training_app.selectors.checkpoints import average_query
from training_app.selectors.compare import siblings
from training_app.selectors.config import config_facts, model_line, planned_chart_available
from training_app.selectors.data_seen import delivered_shares, verdict_on_order
from training_app.selectors.decided import decided, is_adaptive, order_of, standing_of
from training_app.selectors.forks import fork_of, forks_from, place_to_fork
from training_app.selectors.phases import phase_bands
from training_app.selectors.plan_edits import is_editable, plan_edits
from training_app.selectors.probe_costs import coming_keys, likely_keys, probe_costs, share_of_all
from training_app.selectors.timeline import timeline
from training_app.views.metrics import browser
from training_app.views.request import run_filter, run_or_404

TABS = (
    ("run-detail", "Live"),
    ("run-curriculum", "Curriculum"),
    ("run-data", "Data seen"),
    ("run-logs", "Logs"),
    ("run-config", "Config"),
)
OWN_DATA = ("run-curriculum", "run-data")  # tabs that speak of a schedule: a foreign run has none


@require_GET
def run_list(request: HttpRequest) -> HttpResponse:
    """`?q=&state=&col=best:loss&col=at:500000:loss&sort=-best:loss&page=`; `add_…` is the form that adds a column."""
    actor, wanted = actor_of(request), run_filter(request)
    if request.GET.get("add_key"):
        return redirect(f"{request.path}?{_with_added_column(request)}")
    columns = table.columns_of(request.GET.getlist("col"))
    sort = request.GET.get("sort", "newest")
    found = table.runs_table(actor, wanted, columns, sort, request.GET.get("page", "1"))
    context = {
        "page": found.page,
        "rows": [(run, selectors.progress(run), values) for run, values in found.rows],
        "left_out": found.left_out,
        "max_read": table.MAX_READ,
        "wanted": wanted,
        "sort": sort,
        "counts": selectors.state_counts(actor),
        "states": State.values,
        "sorts": table.FIXED,
        "heads": _heads(columns, sort),
        "query": request.GET.urlencode(),
    }
    if request.headers.get("HX-Request"):
        return render(request, "training/_runs_table.html", context)
    return render(request, "training/runs.html", {**context, "keys": logged_in_project(actor)})


def _with_added_column(request: HttpRequest) -> str:
    """The query string with the column of the form among the others."""
    query = request.GET.copy()
    measure, key, tokens = (query.pop(name, [""])[-1] for name in ("add_measure", "add_key", "add_tokens"))
    added = table.column_of(f"at:{tokens}:{key}" if measure == "at" else f"{measure}:{key}")
    columns = [*table.columns_of(query.getlist("col")), *([added] if added is not None else [])]
    query.setlist("col", list(dict.fromkeys(column.spec for column in columns)))
    return query.urlencode()


def _heads(columns: Sequence[table.Column], sort: str) -> list[dict[str, Any]]:
    """The head of each column: what a click on it sorts by (largest first, then smallest), and the other columns."""
    return [
        {
            "column": column,
            "sort": column.spec if sort == f"-{column.spec}" else f"-{column.spec}",
            "order": {column.spec: "ascending", f"-{column.spec}": "descending"}.get(sort, ""),
            "others": [other.spec for other in columns if other != column],
        }
        for column in columns
    ]


def run_page(request: HttpRequest, run: TrainingRun, tab: str) -> dict[str, Any]:
    """What all pages of a run share."""
    parent = run.job.parent
    trail = [("Runs", reverse("runs"))]
    if parent is not None:
        trail.append((parent.name, page_of(parent) or reverse("job-detail", args=[parent.pk])))
    hidden = (
        OWN_DATA if run.foreign else () if planned_chart_available(run) or is_adaptive(run) else ("run-curriculum",)
    )
    tabs = [(name, title) for name, title in TABS if name not in hidden]
    tabs += [(tab.url_name, tab.title) for tab in tabs_of("run")]
    return {
        "run": run,
        "tab": tab,
        "program": selectors.program_of(actor_of(request), run),
        "tabs": [(reverse(name, args=[run.pk]), title, name == tab) for name, title in tabs],
        "crumbs": crumbs(*trail, (run.uid, "")),
        **_head(request, run),
    }


def _head(request: HttpRequest, run: TrainingRun) -> dict[str, Any]:
    actor = actor_of(request)
    return {
        "run": run,
        "progress": selectors.progress(run),
        "verbs": verbs_for(run.job) if actor.can_edit else [],
        "compared": siblings(actor, run),
        "resumed": selectors.last_resume(actor, run),
        "fork_place": place_to_fork(actor, run) if actor.can_edit else None,
    }


@require_GET
def run_detail(request: HttpRequest, pk: int) -> HttpResponse:
    run, actor = run_or_404(request, pk), actor_of(request)
    kept = selectors.checkpoints(actor, run)
    sections = _sections(run)
    folded = run.foreign and len(run.latest) > sum(len(cards) for _, cards in sections)
    context = run_page(request, run, "run-detail") | {
        "sections": sections,
        "default_x": run.default_axis,
        "architecture": model_line(run),
        "seq": live.last_seq(actor, run.pk),
        "timeline": timeline(actor, run),
        "checkpoints": kept,
        "average": average_query(run),
        "forked": fork_of(actor, run),
        "forks": forks_from(actor, kept),
        "order": verdict_on_order(run),
        "adaptive": is_adaptive(run),
        "bands": [band.as_json() for band in phase_bands(run)],
        **browser(request, sorted(run.latest), reverse("run-metrics", args=[pk]), unfold=folded),
    }
    return render(request, "training/run_live.html", context)


def _sections(run: TrainingRun) -> list[tuple[str, list[Card]]]:
    """Headings and charts; the series of another trainer that have no place of their own stand beside the loss."""
    if not run.foreign:
        return sections_of(likely_keys(run), coming_keys(run))
    own, known = own_cards(sorted(run.latest)), sections_of(run.latest)
    if own and known and not known[0][0]:
        own, known = [*known[0][1], *own], known[1:]
    return [("", own), *known] if own else known


@require_GET
def run_head(request: HttpRequest, pk: int) -> HttpResponse:
    """State line, progress and buttons, for htmx."""
    return render(request, "training/_run_head.html", _head(request, run_or_404(request, pk)))


@require_GET
def run_events(request: HttpRequest, pk: int) -> HttpResponse:
    """The timeline, for htmx."""
    run = run_or_404(request, pk)
    return render(request, "training/_timeline.html", {"run": run, "timeline": timeline(actor_of(request), run)})


@require_GET
def run_curriculum(request: HttpRequest, pk: int) -> HttpResponse:
    run = run_or_404(request, pk)
    if run.foreign:
        return render(request, "training/run_foreign.html", run_page(request, run, "run-curriculum"))
    context = run_page(request, run, "run-curriculum") | {"schedule": run.schedule}
    if is_adaptive(run):
        return render(request, "training/run_decided.html", context | {"decided": decided(run)})
    axis = "linear" if request.GET.get("x") == "linear" else "log"
    context |= {
        "axis": axis,
        "adherence": run.schedule.manifest.get("adherence") if run.schedule else None,
        "edits": plan_edits(run),
        "editable": actor_of(request).can_edit and is_editable(run),
    }
    return render(request, "training/run_curriculum.html", context)


@require_GET
def run_standing(request: HttpRequest, pk: int) -> JsonResponse:
    """The figure of how what an adaptive policy holds of its candidates is spread, over the run."""
    run = run_or_404(request, pk)
    standing = standing_of(run)
    if standing is None or run.schedule is None or not len(standing.counts):
        raise Http404("nothing is known of the candidates here")
    return JsonResponse(spread(standing, int(run.schedule.manifest["row_length"])))


@require_GET
def run_order(request: HttpRequest, pk: int, ending: str) -> HttpResponse:
    """The order that an adaptive run was fed, as its journal has it: `npy` as training reads orders, or `json`."""
    run = run_or_404(request, pk)
    journal = order_of(run)
    if journal is None:
        raise Http404("the journal of this run is not on this machine")
    name = {"Content-Disposition": f'attachment; filename="{run.uid}-order.{ending}"'}
    if ending == "npy":
        np.save(file := io.BytesIO(), journal.arrays["rows"], allow_pickle=False)
        return HttpResponse(file.getvalue(), content_type="application/octet-stream", headers=name)
    counts = journal.arrays["counts"].tolist()
    body = {"run": run.uid, "steps": counts, "rows": journal.arrays["rows"].tolist(), **journal.facts}
    return JsonResponse(body, headers=name)


@require_GET
def run_data(request: HttpRequest, pk: int) -> HttpResponse:
    run = run_or_404(request, pk)
    if run.foreign:
        return render(request, "training/run_foreign.html", run_page(request, run, "run-data"))
    context = run_page(request, run, "run-data") | {
        "order": verdict_on_order(run),
        "shares": delivered_shares(run),
        "adaptive": is_adaptive(run),
        **_batch(request, run),
    }
    return render(request, "training/run_data.html", context)


@require_GET
def run_batch(request: HttpRequest, pk: int) -> HttpResponse:
    """Why this batch: `?step=231`, for htmx."""
    run = run_or_404(request, pk)
    return render(request, "training/_batch.html", {"run": run, "adaptive": is_adaptive(run), **_batch(request, run)})


def _batch(request: HttpRequest, run: TrainingRun) -> dict[str, Any]:
    text = request.GET.get("step", "")
    step = int(text) if text.isdecimal() and len(text) < 19 else max(run.step, 1)
    try:
        return {"step": step, "batch": batch_of(run, step), "here": True}
    except FileNotFoundError:
        return {"step": step, "batch": None, "here": False}


@require_GET
def run_logs(request: HttpRequest, pk: int) -> HttpResponse:
    run, actor = run_or_404(request, pk), actor_of(request)
    context = run_page(request, run, "run-logs") | {
        **log_context(actor, run.job),
        "events": events_of(actor, run.job),
    }
    template = "training/_logs.html" if request.headers.get("HX-Request") else "training/run_logs.html"
    return render(request, template, context)


@require_GET
def run_config(request: HttpRequest, pk: int) -> HttpResponse:
    run = run_or_404(request, pk)
    costs = probe_costs(actor_of(request), run)
    context = run_page(request, run, "run-config") | {
        "facts": config_facts(run),
        "costs": costs,
        "cost_share": share_of_all(costs),
    }
    return render(request, "training/run_config.html", context)

"""Themes: the list, one theme, labelling with keys, a classifier with its threshold."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from chimera.errors import InputError
from chimera.jobs import services as jobs
from chimera.projects.access import Actor
from chimera.projects.models import Role
from chimera.projects.request import actor_of, crumbs
from curriculum_app.charts import learning_curve as charts
from curriculum_app.core.encoders.base import ENCODERS, best_available
from curriculum_app.forms import SubsetForm, ThemeForm, TrainForm, add_problems
from curriculum_app.models import DatasetVersion, Theme
from curriculum_app.selectors import datasets as dataset_selectors
from curriculum_app.selectors import themes as selectors
from curriculum_app.services import themes as services


@require_GET
def themes(request: HttpRequest) -> HttpResponse:
    """Every theme with its labels and classifiers."""
    actor = actor_of(request)
    context = {"themes": selectors.themes(actor), "can_edit": actor.can_edit}
    return render(request, "curriculum/themes.html", context)


@require_http_methods(["GET", "POST"])
def theme_add(request: HttpRequest) -> HttpResponse:
    """Ask a question of one's own."""
    actor = actor_of(request)
    actor.require(Role.EDITOR)
    form = ThemeForm(request.POST or None)
    if form.is_valid():
        try:
            made = services.theme_add(actor, **form.cleaned_data)
        except InputError as error:
            add_problems(form, error)
        else:
            return redirect("theme-detail", slug=made.slug)
    trail = crumbs(("Data", reverse("data")), ("Themes", reverse("themes")))
    return render(request, "curriculum/theme_add.html", {"form": form, "crumbs": trail})


@require_POST
def presets_add(request: HttpRequest) -> HttpResponse:
    """Take up the three themes of the blueprint."""
    services.presets_add(actor_of(request))
    return redirect("themes")


@require_GET
def theme(request: HttpRequest, slug: str) -> HttpResponse:
    """One theme: its labels, how far people agree, its classifiers."""
    actor = actor_of(request)
    found = selectors.theme_get(actor, slug)
    return render(request, "curriculum/theme.html", _theme_context(actor, found, TrainForm(_datasets(actor))))


@require_GET
def learning_curve(request: HttpRequest, slug: str) -> JsonResponse:
    """F1 on held-out labels over the number of labels."""
    found = selectors.theme_get(actor_of(request), slug)
    return JsonResponse(charts.learning_curve([row.manifest for row in reversed(selectors.classifiers(found))]))


@require_POST
def train(request: HttpRequest, slug: str) -> HttpResponse:
    """Train on the labels as they are now."""
    actor = actor_of(request)
    found = selectors.theme_get(actor, slug)
    form = TrainForm(_datasets(actor), request.POST)
    if form.is_valid():
        data = form.cleaned_data
        dataset = dataset_selectors.version_get(actor, int(data["dataset"]))
        said = {"encoder": {"key": data["encoder"]}, "target_precision": data["target_precision"]}
        try:
            job = services.classifier_train(actor, found, dataset, said)
        except InputError as error:
            add_problems(form, error)
        else:
            return redirect("job-detail", pk=job.pk)
    return render(request, "curriculum/theme.html", _theme_context(actor, found, form), status=422)


@require_GET
def label(request: HttpRequest, slug: str) -> HttpResponse:
    """One text and the question: `?dataset=<pk>`, `&phrase=` for texts that hold a phrase."""
    actor = actor_of(request)
    actor.require(Role.EDITOR)
    found = selectors.theme_get(actor, slug)
    versions = selectors.datasets(actor)
    asked = request.GET.get("dataset", "")
    dataset = dataset_selectors.version_get(actor, int(asked)) if _is_number(asked) else next(iter(versions), None)
    phrase = request.GET.get("phrase", "").strip()[:200]
    context = {"theme": found, "datasets": versions, "dataset": dataset, "phrase": phrase} | _trail(found, "label")
    if dataset is not None:
        context |= _next(request, actor, found, dataset, phrase) | {"tally": selectors.tally(found)}
    return render(request, "curriculum/label.html", context)


@require_POST
def answer(request: HttpRequest, slug: str) -> HttpResponse:
    """Keep an answer (`yes`, `no`), pass over a text (`skip`), or take the latest answer back (`undo`)."""
    actor = actor_of(request)
    found = selectors.theme_get(actor, slug)
    asked, number, said = (request.POST.get(name, "") for name in ("dataset", "number", "answer"))
    if not _is_number(asked) or said not in ("yes", "no", "skip", "undo"):
        raise Http404("no such answer")
    dataset = dataset_selectors.version_get(actor, int(asked))
    if said == "undo":
        _undo(request, actor, found)
    elif _is_number(number):
        _take(request, actor, found, dataset, int(number), said)
    phrase = request.POST.get("phrase", "").strip()[:200]
    if request.headers.get("HX-Request"):
        context = {"theme": found, "dataset": dataset, "phrase": phrase, "tally": selectors.tally(found)}
        context |= _next(request, actor, found, dataset, phrase)
        return render(request, "curriculum/_label.html", context)
    query = f"?dataset={dataset.pk}" + (f"&phrase={phrase}" if phrase else "")
    return redirect(reverse("theme-label", args=[slug]) + query)


@require_GET
def classifier(request: HttpRequest, pk: int) -> HttpResponse:
    """One classifier: what its threshold lets through, and the way to freeze that."""
    actor = actor_of(request)
    row = selectors.classifier_get(actor, pk)
    found = selectors.opened_classifier(row)
    threshold = _threshold(request, row.manifest["measured"]["threshold"])
    context = {"row": row, "measured": row.manifest["measured"], "threshold": threshold, "can_edit": actor.can_edit}
    context |= _trail(row.theme, row.label)
    if found is not None:
        context["domains"] = selectors.by_domain(found, threshold)
        context["form"] = SubsetForm(initial={"name": f"{row.dataset.name}-{row.theme.slug}", "threshold": threshold})
    return render(request, "curriculum/classifier.html", context)


@require_GET
def thresholds(request: HttpRequest, pk: int) -> JsonResponse:
    """The numbers behind the threshold's line."""
    return JsonResponse(selectors.thresholds(_must_open(request, pk)))


@require_GET
def around(request: HttpRequest, pk: int) -> HttpResponse:
    """The texts next to the threshold, on both sides, and what passes of every domain."""
    row = selectors.classifier_get(actor_of(request), pk)
    found, dataset = _must_open(request, pk), dataset_selectors.opened(row.dataset)
    threshold = _threshold(request, row.manifest["measured"]["threshold"])
    context: dict[str, Any] = {"row": row, "threshold": threshold, "domains": selectors.by_domain(found, threshold)}
    if dataset is not None:
        context["sides"] = selectors.around(found, dataset, threshold)
    return render(request, "curriculum/_around.html", context)


@require_POST
def freeze(request: HttpRequest, pk: int) -> HttpResponse:
    """Start the job that makes a dataset version of what passes."""
    actor = actor_of(request)
    row = selectors.classifier_get(actor, pk)
    form = SubsetForm(request.POST)
    if form.is_valid():
        try:
            config = {**form.cleaned_data, "dataset": row.dataset.uid, "classifier": row.uid}
            job, _ = jobs.start(actor, "subset", config)
        except InputError as error:
            add_problems(form, error)
        else:
            return redirect("job-detail", pk=job.pk)
    for problem in (str(text) for errors in form.errors.values() for text in errors):
        messages.error(request, problem)
    return redirect("classifier-detail", pk=pk)


def _theme_context(actor: Actor, found: Theme, form: TrainForm) -> dict[str, Any]:
    return {
        "theme": found,
        "tally": selectors.tally(found),
        "agreements": selectors.agreements(found),
        "classifiers": selectors.classifiers(found),
        "form": form,
        "missing": [(entry.title, said) for entry in ENCODERS if (said := ENCODERS.build(entry.key).missing())],
        "can_edit": actor.can_edit,
        **_trail(found, ""),
    }


def _datasets(actor: Actor) -> dict[str, Any]:
    """What the training form offers."""
    encoders = [(entry.key, entry.title) for entry in ENCODERS]
    versions = [(str(row.pk), f"{row.label} ({row.stage})") for row in selectors.datasets(actor)]
    return {"datasets": versions, "encoders": encoders, "encoder": best_available().key}


def _trail(found: Theme, last: str) -> dict[str, Any]:
    own = (found.name, reverse("theme-detail", args=[found.slug]) if last else "")
    pairs = [("Data", reverse("data")), ("Themes", reverse("themes")), own]
    return {"crumbs": crumbs(*pairs, *([(last, "")] if last else []))}


def _next(request: HttpRequest, actor: Actor, found: Theme, dataset: DatasetVersion, phrase: str) -> dict[str, Any]:
    """The text to answer about. What was proposed waits in the session until it has been answered."""
    key = _key(found, dataset)
    state = _state(request, key)
    for _ in range(2):
        if state["phrase"] != phrase or not state["waiting"]:
            waiting = selectors.proposals(actor, found, dataset, set(state["skipped"]), phrase)
            state |= {"waiting": [list(item) for item in waiting], "phrase": phrase}
        while state["waiting"]:
            number, why = state["waiting"][0]
            document = selectors.document_at(dataset, number)
            if document is not None and not selectors.is_labelled(actor, found, document):
                request.session[key] = state
                return {"document": document, "number": number, "why": why, "left": len(state["waiting"])}
            state["skipped"].append(number)  # the same text has been answered elsewhere
            state["waiting"].pop(0)
    request.session[key] = state
    return {"document": None}


def _take(request: HttpRequest, actor: Actor, found: Theme, dataset: DatasetVersion, number: int, said: str) -> None:
    document = selectors.document_at(dataset, number)
    if document is None:
        raise Http404("no such document")
    actor.require(Role.EDITOR)
    key = _key(found, dataset)
    state = _state(request, key)
    state["waiting"] = [item for item in state["waiting"] if item[0] != number]
    if said == "skip":
        state["skipped"].append(number)
    else:
        services.label_put(actor, found, dataset, document, said == "yes")
    request.session[key] = state


def _undo(request: HttpRequest, actor: Actor, found: Theme) -> None:
    """Take the latest answer back and ask about that text again."""
    gone = services.label_undo(actor, found)
    if gone is None or gone.dataset is None:
        return
    key = _key(found, gone.dataset)
    opened = dataset_selectors.opened(gone.dataset)
    numbers = opened.numbers_of({gone.document_id}) if opened is not None else []
    state = _state(request, key)
    state["waiting"] = [[number, "taken back"] for number in numbers[:1]] + state["waiting"]
    request.session[key] = state


def _state(request: HttpRequest, key: str) -> dict[str, Any]:
    """`waiting` pairs of number and reason, `skipped` numbers, the `phrase` they were looked for by."""
    return request.session.get(key) or {"waiting": [], "skipped": [], "phrase": ""}


def _key(found: Theme, dataset: DatasetVersion) -> str:
    return f"label-{found.pk}-{dataset.pk}"


def _is_number(said: str) -> bool:
    return said.isdecimal() and len(said) <= 18


def _threshold(request: HttpRequest, default: float) -> float:
    try:
        return min(1.0, max(0.0, float(request.GET.get("threshold", ""))))
    except ValueError:
        return default


def _must_open(request: HttpRequest, pk: int) -> Any:
    found = selectors.opened_classifier(selectors.classifier_get(actor_of(request), pk))
    if found is None:
        raise Http404("the files of this classifier are not on this machine")
    return found

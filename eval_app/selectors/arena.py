"""Reads of the arena: entries of all studies of a project, from what is stored; in as many queries for any number."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Max

from chimera.projects.access import Actor
from chimera.refs import Ref
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.models import Schedule
from eval_app.core.arena import Entry, Method, Reach, by_method, ranked, reach
from eval_app.models import Reproduction, Study
from training_app.models import TrainingRun

READY, MIXED = "ready schedules", "several policies"
COLUMNS = (
    "method", "paper's claim", "setting of the claim", "source of the claim", "study", "question", "arm", "against",
    "verdict", "compares", "seeds", "difference", "low", "high", "unit", "better is", "tokens a run", "parameters",
    "repeats",
)  # fmt: skip


@dataclass(frozen=True)
class Filters:
    """What is shown; empty: all. `compares` is a part of what differs, such as "order"."""

    method: str = ""
    word: str = ""
    compares: str = ""

    def keep(self, entry: Entry) -> bool:
        return (
            self.method in ("", entry.method)
            and self.word in ("", entry.word)
            and (not self.compares or self.compares in entry.compares.split(" + "))
        )


@dataclass(frozen=True)
class Row:
    """An entry and the marks of its interval."""

    entry: Entry
    reach: Reach | None


@dataclass(frozen=True)
class Board:
    """A method with its rows."""

    method: Method
    rows: list[Row]


def entries(actor: Actor) -> list[Entry]:
    """Every arm but the baseline of every study, the most certain gain first."""
    studies = list(Study.objects.filter(project=actor.project).select_related("job").defer("job__error_text"))
    policies = _policies_of_schedules(actor, studies)
    sizes = _parameters(studies)
    repeats = dict(Reproduction.objects.filter(original__project=actor.project).values_list("job", "original"))
    return ranked(
        entry for study in studies for entry in _of_study(study, policies, sizes, repeats.get(study.job.parent_id or 0))
    )


def boards(shown: Iterable[Entry]) -> list[Board]:
    """Entries by method, with claims and the strips of their intervals."""
    known = list(shown)
    classes = {entry.key: entry.cls for entry in POLICIES}
    titles = {key: found.title for key, found in classes.items()}
    claims = {key: found.claim for key, found in classes.items()}
    return [
        Board(method, [Row(entry, reach(entry, known)) for entry in method.entries])
        for method in by_method(known, titles, claims)
    ]


def titles_of(keys: Iterable[str]) -> list[tuple[str, str]]:
    """(Title, key) of methods, by title; a key that is no policy is its own title."""
    known = {entry.key: entry.title for entry in POLICIES}
    return sorted((known.get(key, key), key) for key in keys)


def as_csv(found: Iterable[Board]) -> str:
    """The same rows for a spreadsheet; numbers in full."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for board in found:
        claim = board.method.claim
        said = (claim.effect, claim.setting, claim.source) if claim else ("", "", "")
        writer.writerows([board.method.title, *said, *_cells(row.entry)] for row in board.rows)
    return text.getvalue()


def _cells(entry: Entry) -> Iterator[Any]:
    yield from (f"study-{entry.study}", _plain(entry.question), entry.arm, entry.against, entry.word, entry.compares)
    yield from (entry.n, entry.mean, entry.low, entry.high, entry.unit, entry.better, entry.tokens, entry.parameters)
    yield f"study-{entry.repeats}" if entry.repeats else ""


def _plain(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def _of_study(
    study: Study, policies: Mapping[int, str], sizes: Mapping[tuple[int, str], int], repeats: int | None
) -> Iterator[Entry]:
    config: dict[str, Any] = study.job.config
    arms = {arm["name"]: arm for arm in config["arms"]}
    verdict: dict[str, Any] = study.verdict or {}
    compared = {item["arm"]: item for item in verdict.get("comparisons", [])}
    tokens = {arm["name"]: arm.get("tokens") for arm in verdict.get("arms", [])}
    for name, arm in arms.items():
        if name == config["baseline"]:
            continue
        facts = {
            "method": _method(arm, policies), "study": study.pk, "question": study.name, "arm": name,
            "against": config["baseline"], "tokens": tokens.get(name) or config["budget_tokens"], "repeats": repeats,
            "parameters": sizes.get((study.job_id, name)) or sizes.get((study.job_id, "")),
            "better": verdict.get("better", "lower"), "unit": verdict.get("unit", "bits per byte"),
        }  # fmt: skip
        item = compared.get(name)
        yield Entry(**facts, **_found(item)) if item else Entry(**facts, word=study.job.state, decided=False)


def _found(item: Mapping[str, Any]) -> dict[str, Any]:
    interval = item.get("interval") or {}
    return {
        "word": item["word"], "compares": item["compares"], "n": len(item["seeds"]), "mean": interval.get("mean"),
        "low": interval.get("low"), "high": interval.get("high"),
    }  # fmt: skip


def _method(arm: Mapping[str, Any], policies: Mapping[int, str]) -> str:
    """The key of the arm's policy; of ready schedules the one that made them all."""
    if arm.get("policy"):
        return str(arm["policy"]["key"])
    if arm.get("shuffled_of"):
        return "reshuffled"
    made = {policies.get(Ref[Any](uid).number, "") for uid in arm.get("schedules", [])}
    return made.pop() or READY if len(made) == 1 else MIXED


def _policies_of_schedules(actor: Actor, studies: Iterable[Study]) -> dict[int, str]:
    """Schedule → the policy that made it, for arms of ready schedules."""
    named = {
        Ref[Any](uid).number
        for study in studies
        for arm in study.job.config["arms"]
        for uid in arm.get("schedules", [])
    }
    rows = Schedule.objects.filter(project=actor.project, pk__in=named)
    return dict(rows.values_list("pk", "curriculum__policy"))


def _parameters(studies: Iterable[Study]) -> dict[tuple[int, str], int]:
    """(Job of the study, arm) → parameters of its models; the arm "" is any of the study."""
    runs = TrainingRun.objects.filter(job__parent__in=[study.job_id for study in studies], parameters__isnull=False)
    found: dict[tuple[int, str], int] = {}
    for parent, arm, count in runs.order_by().values_list("job__parent", "group").annotate(Max("parameters")):
        found[parent, arm] = count
        found[parent, ""] = max(count, found.get((parent, ""), 0))
    return found

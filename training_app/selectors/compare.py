"""Several runs side by side: which ones, what came of them, and what differs in their configs and curricula."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import FloatField, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from chimera.projects.access import Actor
from chimera.typed import sha256_json
from training_app.models import TrainingRun
from training_app.selectors.history import histories
from training_app.selectors.runs import RunFilter, filtered, of_project

MAX_RUNS = 200  # lines of one chart
MAX_COLUMNS = 10  # runs side by side in a table of settings
BY_SETTING = "setting:"
GROUPINGS = ("none", "group", "recipe", "seed")
_HEAVY = ("latest", "best", "sparkline", "summary")  # JSON, of thousands of metrics
_RELATED = ("job", "schedule__curriculum", "schedule__sequence_set__dataset")
Needed = Literal["all", "settings", "names"]


def needed_for(by: str) -> Needed:
    """What has to be known of runs to name and colour their lines in this grouping."""
    return "names" if by in ("none", "group", "seed") else "settings"


def compared_runs(actor: Actor, pks: Sequence[int], needed: Needed = "all") -> list[TrainingRun]:
    """The wanted runs of the project in the order asked, at most `MAX_RUNS`."""
    wanted = list(dict.fromkeys(pks))[:MAX_RUNS]
    found = _with(of_project(actor), needed).in_bulk(wanted)
    return [found[pk] for pk in wanted if pk in found]


def filtered_runs(actor: Actor, wanted: RunFilter, needed: Needed = "all") -> tuple[list[TrainingRun], int]:
    """The newest `MAX_RUNS` of all runs that the filter lets through, and how many those are."""
    found = filtered(actor, wanted)
    return list(_with(found, needed).order_by("-id")[:MAX_RUNS]), found.count()


def _with(runs: QuerySet[TrainingRun], needed: Needed) -> QuerySet[TrainingRun]:
    """The runs with what is needed: columns of their own, also job and curriculum ("settings"), or everything."""
    if needed == "names":
        return runs.defer(*_HEAVY)
    runs = runs.select_related(*_RELATED)
    return runs if needed == "all" else runs.defer(*_HEAVY)


def candidates(actor: Actor, chosen: Iterable[int], query: str, limit: int = 30) -> list[TrainingRun]:
    """The newest runs that could be added, by name, arm or study."""
    runs = filtered(actor, RunFilter(query=query)).exclude(pk__in=chosen)
    return list(runs.select_related("job", "job__parent").defer("latest", "best").order_by("-id")[:limit])


def siblings(actor: Actor, run: TrainingRun) -> list[int]:
    """Primary keys of the run and of those of the same study (or, alone, of the same group), at most ten."""
    others = of_project(actor).exclude(pk=run.pk).order_by("pk")
    if run.job.parent_id is not None:
        others = others.filter(job__parent=run.job.parent_id)
    elif run.group:
        others = others.filter(group=run.group)
    else:
        return [run.pk]
    return [run.pk, *others.values_list("pk", flat=True)[: MAX_COLUMNS - 1]]


def group_name(run: TrainingRun, by: str) -> str:
    """The group of a run: its arm, its seed, its recipe whatever the seed, or the value of one setting."""
    if by == "seed":
        return f"seed {run.seed}"
    if by == "recipe":
        return _recipe_name(run)
    if by.startswith(BY_SETTING):
        name = by.removeprefix(BY_SETTING)
        return f"{name.rpartition('.')[2]} = {flatten(run.job.config).get(name, '–')}"
    return run.group or run.name


def _recipe_name(run: TrainingRun) -> str:
    """Equal for runs whose configs differ only in seed, name and schedule of the same curriculum."""
    kept = {name: value for name, value in run.job.config.items() if name not in ("seed", "name", "schedule", "group")}
    kept["curriculum"] = run.schedule.curriculum_id if run.schedule is not None else None
    digest = sha256_json(kept)[:6]
    return f"{run.group or (run.schedule.curriculum.label if run.schedule is not None else run.job.kind)} · {digest}"


def group_colours(runs: Sequence[TrainingRun], by: str) -> dict[int, int]:
    """Run → index of its colour: one each, or one per group."""
    if by == "none":
        return {run.pk: place for place, run in enumerate(runs)}
    names = list(dict.fromkeys(group_name(run, by) for run in runs))
    return {run.pk: names.index(group_name(run, by)) for run in runs}


@dataclass(frozen=True)
class ConfigLine:
    """One setting over the compared runs."""

    name: str
    values: list[str]

    @property
    def differs(self) -> bool:
        return len(set(self.values)) > 1


def config_lines(runs: Sequence[TrainingRun]) -> list[ConfigLine]:
    """Every setting of the frozen configs, flattened to dotted names."""
    return _lines([flatten(run.job.config) for run in runs], ordered=False)


def curriculum_lines(runs: Sequence[TrainingRun]) -> list[ConfigLine]:
    """What the runs were to be shown: version of the data, sequences, curriculum, policy, and the order's hashes."""
    return _lines([_curriculum_facts(run) for run in runs], ordered=True)


def _curriculum_facts(run: TrainingRun) -> dict[str, Any]:
    schedule = run.schedule
    if schedule is None:
        return {}
    manifest, sequences = schedule.manifest, schedule.sequence_set
    policy = manifest.get("policy", {})
    return {
        "dataset version": sequences.dataset.label,
        "sequences": sequences.uid,
        "curriculum": schedule.curriculum.label,
        "policy": policy.get("key", "–"),
        **{f"policy {name}": value for name, value in flatten(policy.get("config", {})).items() if name},
        "schedule": schedule.uid,
        "seed of the order": schedule.seed,
        "tokens of the pool": manifest.get("pool", {}).get("tokens", "–"),
        "same text (multiset)": str(manifest.get("multiset_digest", "–"))[:8],
        "same order": str(manifest.get("order_digest", "–"))[:8],
    }


def _lines(flat: Sequence[dict[str, Any]], *, ordered: bool) -> list[ConfigLine]:
    names = list(dict.fromkeys(name for config in flat for name in config))
    wanted = names if ordered else sorted(names)
    return [ConfigLine(name, [str(config.get(name, "–")) for config in flat]) for name in wanted]


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested JSON as dotted names; an empty container is kept as itself."""
    if isinstance(value, dict) and value:
        items = value.items()
    elif isinstance(value, list) and value:
        items = ((str(index), item) for index, item in enumerate(value))  # type: ignore[assignment]
    else:
        return {prefix: value}
    flat: dict[str, Any] = {}
    for name, item in items:
        flat |= flatten(item, f"{prefix}.{name}" if prefix else name)
    return flat


@dataclass(frozen=True)
class Outcome:
    """Best, last and at the largest token count that all runs have reached, of one metric of one run."""

    run: TrainingRun
    best: float | None
    last: float | None
    at_shared: float | None


def outcomes(actor: Actor, runs: Sequence[TrainingRun], key: str) -> tuple[int, list[Outcome]]:
    """The shared token count and one outcome per run; the value there is the last one logged up to it."""
    reached = [run.tokens for run in runs if run.tokens]
    shared = min(reached, default=0)
    found, read = [], histories(actor, runs, [key])
    bests = dict(_of_key(runs, "best", key))
    for run in runs:
        series = read[run.pk].series[key]
        values = series.value[series.finite]
        until = values[series.tokens[series.finite] <= shared]
        best = bests[run.pk]
        last = float(values[-1]) if len(values) else None
        found.append(Outcome(run, best, last, float(until[-1]) if len(until) else None))
    return shared, found


def _of_key(runs: Sequence[TrainingRun], column: str, key: str) -> QuerySet[TrainingRun, tuple[int, float | None]]:
    """Primary key of each run and its number of `key`; the other metrics' are not read."""
    number = Cast(KeyTextTransform(key, column), FloatField())
    return TrainingRun.objects.filter(pk__in=[run.pk for run in runs]).values_list("pk", number)

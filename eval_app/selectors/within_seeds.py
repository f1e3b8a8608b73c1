"""Two arms of a study at one seed, text by text and item by item: what two models differ in, not what arms do."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from chimera.jobs.models import Job
from chimera.projects.access import Actor
from eval_app.core.evaluation import HELD_OUT_FILE
from eval_app.core.statistics import BOOTSTRAP_AT_LEAST, Bootstrap, McNemar, mcnemar, paired_bootstrap
from eval_app.models import EvalReport, Study
from eval_app.selectors.item_scores import file_of
from eval_app.selectors.items import table_of

RESAMPLES = 2000
RIGHT = 0.5  # of an item's main metric


@dataclass(frozen=True)
class WithinSeed:
    """The arm against the baseline at one seed.

    `texts`: bits per byte over held-out documents, resampled; None with fewer than 20 of them. `only_arm` and
    `only_baseline`: items that just one of the two got right; `test` is McNemar's on them, None without any item.
    """

    seed: int
    num_texts: int
    texts: Bootstrap | None
    num_items: int
    only_arm: int
    only_baseline: int
    test: McNemar | None


def within_seeds(actor: Actor, study: Study, arm: str, baseline: str) -> list[WithinSeed]:
    """Every seed at which both were evaluated and the files are on this machine."""
    jobs = Job.objects.filter(parent=study.job_id, kind="evaluate").only("slot", "artifacts")
    numbers = {job.slot: int(job.artifacts["evaluation"].rpartition("-")[2]) for job in jobs if job.artifacts}
    reports = EvalReport.objects.filter(project=actor.project).in_bulk(numbers.values())
    found = []
    for seed in study.job.config["seeds"]:
        pair = [reports.get(numbers.get(f"evaluate/{name}/{seed}", 0)) for name in (arm, baseline)]
        if pair[0] is not None and pair[1] is not None:
            found.append(_within(int(seed), pair[0], pair[1]))
    return found


def _within(seed: int, mine: EvalReport, theirs: EvalReport) -> WithinSeed:
    texts, count = _texts(_windows(mine), _windows(theirs))
    first, second = _right(table_of(mine)), _right(table_of(theirs))
    shared = first.keys() & second.keys()
    only_arm = sum(first[key] and not second[key] for key in shared)
    only_baseline = sum(second[key] and not first[key] for key in shared)
    test = mcnemar(only_arm, only_baseline) if shared else None
    return WithinSeed(seed, count, texts, len(shared), only_arm, only_baseline, test)


def _windows(report: EvalReport) -> dict[tuple[str, int], tuple[float, int]]:
    """(domain, document) → summed NLL in nats, and bytes; empty where the file is not on this machine."""
    path = file_of(report, HELD_OUT_FILE)
    if path is None:
        return {}
    table = pq.read_table(path)
    unit = "document" if "document" in table.column_names else "window"
    summed = table.group_by(["domain", unit]).aggregate([("nll", "sum"), ("bytes", "sum")])
    rows = zip(*(summed[name].to_pylist() for name in ("domain", unit, "nll_sum", "bytes_sum")), strict=True)
    return {(domain, number): (nll, size) for domain, number, nll, size in rows}


def _texts(
    mine: dict[tuple[str, int], tuple[float, int]], theirs: dict[tuple[str, int], tuple[float, int]]
) -> tuple[Bootstrap | None, int]:
    """The difference in bits per byte over all documents that both were scored on, and how many these are."""
    keys = sorted(mine.keys() & theirs.keys())
    if len(keys) < BOOTSTRAP_AT_LEAST:
        return None, len(keys)
    scale = len(keys) / (math.log(2) * sum(mine[key][1] for key in keys))  # the mean of scaled NLLs is bits per byte
    first, second = ([scale * side[key][0] for key in keys] for side in (mine, theirs))
    return paired_bootstrap(first, second, resamples=RESAMPLES), len(keys)


def _right(table: pa.Table | None) -> dict[tuple[str, str], bool]:
    """(task, item) → whether it was right; items without a main metric are left out."""
    if table is None:
        return {}
    rows = zip(*(table[name].to_pylist() for name in ("task", "item", "main")), strict=True)
    return {(task, item): main >= RIGHT for task, item, main in rows if main is not None and math.isfinite(main)}

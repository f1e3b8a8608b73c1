"""The family of a checkpoint, drawn: what it was trained or averaged from, and what was made from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Q
from django.urls import reverse

from chimera.format import compact
from chimera.projects.access import Actor
from curriculum_app.selectors.lineage import Edge, Graph, Node, draw
from training_app.models import Checkpoint

MOST = 60  # checkpoints in one picture
AVERAGED = "averaged"  # digests in the manifest of an average


def family_of(actor: Actor, checkpoint: Checkpoint) -> Graph:
    """Ancestors and descendants, and the other checkpoints of the same run; at most `MOST`, the nearest first."""
    found = {checkpoint.pk: checkpoint}
    waiting = [checkpoint]
    while waiting and len(found) < MOST:
        for row in _near(actor, waiting.pop(0)):
            if row.pk not in found and len(found) < MOST:
                found[row.pk] = row
                waiting.append(row)
    rows = sorted(found.values(), key=lambda row: row.pk)
    edges = [edge for row in rows for edge in _edges(row, rows)]
    return draw(rows, edges, lambda row, x, y: _node(row, x, y, checkpoint))


def _near(actor: Actor, row: Checkpoint) -> Iterable[Checkpoint]:
    """One step along any kind of relation."""
    digests = row.manifest.get(AVERAGED, [])
    near = Q(parent=row) | Q(pk=row.parent_id) | Q(digest__in=digests) | Q(manifest__averaged__contains=[row.digest])
    if row.run_id is not None:
        near |= Q(run=row.run_id)
    rows = Checkpoint.objects.filter(near, project=actor.project).exclude(pk=row.pk)
    return rows.select_related("run", "parent").order_by("-pk")[:MOST]


def _edges(row: Checkpoint, rows: list[Checkpoint]) -> list[Edge]:
    """How it came to be: a run from its parent or from an earlier checkpoint of the same run, an average, an import."""
    href = reverse("checkpoint-detail", args=[row.pk])
    digests = row.manifest.get(AVERAGED, [])
    if digests:
        return [Edge(each, row, "average", "", href, row.job_id) for each in rows if each.digest in digests]
    earlier = [each for each in rows if each.run_id == row.run_id and row.run_id and each.step < row.step]
    if earlier:
        before = max(earlier, key=lambda each: each.step)
        return [Edge(before, row, "trained on", f"{compact(row.tokens - before.tokens)} tokens", href, row.job_id)]
    parent = next((each for each in rows if each.pk == row.parent_id), None)
    operation = "import" if row.run_id is None else _operation(row)
    counts = f"{compact(row.tokens)} tokens" if row.run_id is not None else ""
    return [Edge(parent, row, operation, counts, href, row.job_id)]


def _operation(row: Checkpoint) -> str:
    adapter = (row.manifest.get("adapter") or {}).get("key", "none")
    return "train" if adapter == "none" else adapter.replace("lora", "LoRA")


def _node(row: Any, x: float, y: float, current: Checkpoint) -> Node:
    facts = [f"step {compact(row.step)}"] if row.step else [str(row.manifest.get("architecture", "imported"))]
    if score := row.manifest.get("summary", {}).get("held_out_macro"):
        facts.append(f"{score:.4f} bits/byte")
    return Node(
        row,
        Checkpoint.ref_kind,
        ", ".join(facts),
        reverse("checkpoint-detail", args=[row.pk]),
        x,
        y,
        row.pk == current.pk,
    )

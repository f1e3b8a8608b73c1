"""The skill map: what each node of the taxonomy scores at each checkpoint, what is weak, what emerged when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from chimera.projects.access import Actor
from curriculum_app.models import TaxonomyNode
from eval_app.core.skills import (
    Change,
    Emergence,
    ItemScores,
    Key,
    Point,
    RankAgreement,
    SkillScore,
    below,
    change,
    emerged,
    items_of_nodes,
    rank_agreement,
    score_of,
)
from eval_app.models import EvalReport
from eval_app.selectors.item_scores import item_scores
from eval_app.selectors.skill_tags import NodeTag, Tree, domain_nodes, tags_of, task_tags, tree_of
from training_app.models import TrainingRun
from training_app.selectors.history import histories

MOST_COLUMNS = 24


def reports(actor: Actor, run: TrainingRun | None = None) -> list[EvalReport]:
    """The newest report of each checkpoint (of a run), in the order of tokens and time; at most the last 24."""
    rows = EvalReport.objects.filter(project=actor.project).select_related("checkpoint__run")
    if run is not None:
        rows = rows.filter(checkpoint__run=run)
    newest: dict[int, EvalReport] = {}
    for row in rows.order_by("-pk"):
        newest.setdefault(row.checkpoint_id, row)
    ordered = sorted(newest.values(), key=lambda row: (row.checkpoint.tokens if run else 0, row.pk))
    return ordered[-MOST_COLUMNS:]


def measured_runs(actor: Actor) -> list[TrainingRun]:
    """Runs with an evaluated checkpoint, the newest first."""
    return list(
        TrainingRun.objects.filter(project=actor.project, checkpoints__reports__isnull=False).distinct().order_by("-pk")
    )


@dataclass(frozen=True)
class SkillRow:
    """One node. `scores` by column (None: no item); `held_out` is mean bits per byte of its domains, by column."""

    node: TaxonomyNode
    depth: int
    leaf: bool
    scores: list[SkillScore | None]
    held_out: list[float | None]
    covered: int
    leaves: int
    change: Change | None = None

    @property
    def last(self) -> SkillScore | None:
        return self.scores[-1] if self.scores else None

    @property
    def last_held_out(self) -> float | None:
        return self.held_out[-1] if self.held_out else None

    @property
    def trend(self) -> list[float | None]:
        return [score.value if score else None for score in self.scores]

    @property
    def held_out_trend(self) -> list[float | None]:
        return list(self.held_out)


class SkillMap:
    """The map over some reports; the last is the one looked at, `against` the one it is compared with."""

    def __init__(self, actor: Actor, columns: Sequence[EvalReport], against: EvalReport | None = None) -> None:
        self.tree: Tree = tree_of(actor)
        self.columns = list(columns)
        self.against = against
        domains = dict.fromkeys(domain for report in self.columns for domain in _domains(report))
        self.tags: list[NodeTag] = tags_of(actor, self.tree, domains)
        self.above = self.tree.above()

    @cached_property
    def _domains_of(self) -> dict[str, list[str]]:
        return domain_nodes(self.tags, self.above)

    @cached_property
    def by_column(self) -> list[dict[str, SkillScore]]:
        """Node → score, report by report."""
        return [self._scores(item_scores(report)) for report in self.columns]

    def _scores(self, found: ItemScores) -> dict[str, SkillScore]:
        places = items_of_nodes(found.keys, task_tags(self.tags), self.above)
        return {node: score_of(found, where) for node, where in places.items()}

    @cached_property
    def rows(self) -> list[SkillRow]:
        """Every node, depth first in the order of names, the safety tree last."""
        changes, leaves = self._changes(), self.tree.leaves_under()
        ordered = sorted(self.tree.nodes, key=lambda node: (node.kind == "safety", _sort_key(node, self.tree)))
        return [self._row(node, leaves[node.path], changes.get(str(node.uuid))) for node in ordered]

    def _row(self, node: TaxonomyNode, leaves: Sequence[str], changed: Change | None) -> SkillRow:
        key = str(node.uuid)
        last = self.by_column[-1] if self.by_column else {}
        return SkillRow(
            node=node,
            depth=node.depth - 1,
            leaf=node.path not in self.tree.inner,
            scores=[column.get(key) for column in self.by_column],
            held_out=[_mean(report, self._domains_of.get(key, [])) for report in self.columns],
            covered=sum(each in last for each in leaves),
            leaves=len(leaves),
            change=changed,
        )

    def _changes(self) -> dict[str, Change]:
        if self.against is None or not self.columns:
            return {}
        before, after = item_scores(self.against), item_scores(self.columns[-1])
        places = items_of_nodes(after.keys, task_tags(self.tags), self.above)
        found = {node: change(before, after, [after.keys[n] for n in where]) for node, where in places.items()}
        return {node: each for node, each in found.items() if each is not None}

    def items_of(self, node: TaxonomyNode, report: EvalReport) -> list[Key]:
        """The items of a report that test a node."""
        found = item_scores(report)
        places = items_of_nodes(found.keys, task_tags(self.tags), self.above)
        return [found.keys[n] for n in places.get(str(node.uuid), [])]

    @property
    def weakest(self) -> list[SkillRow]:
        """Tagged nodes without a tagged node below, by how little above chance they may at best be."""
        measured = [row for row in self.rows if row.last is not None]
        inner = {path for row in measured for path in self.tree.paths(row.node)[:-1]}
        lowest = [row for row in measured if row.node.path not in inner]
        return sorted(lowest, key=lambda row: row.last.margin if row.last else 0.0)

    @property
    def untested(self) -> list[SkillRow]:
        """Leaves that nothing measures."""
        return [row for row in self.rows if row.leaf and row.last is None and row.last_held_out is None]


def _sort_key(node: TaxonomyNode, tree: Tree) -> list[str]:
    return [tree.by_path[path].name.casefold() for path in tree.paths(node)]


def _domains(report: EvalReport) -> list[str]:
    keys = [key.removeprefix("held_out/") for key in report.scores if key.startswith("held_out/")]
    return [key for key in keys if key != "macro"]


def _mean(report: EvalReport, domains: Sequence[str]) -> float | None:
    known = [report.scores[key] for domain in domains if (key := f"held_out/{domain}") in report.scores]
    return sum(known) / len(known) if known else None


def emergence(actor: Actor, run: TrainingRun) -> list[Emergence]:
    """Nodes by their items at the run's evaluated checkpoints, held-out domains by the run's own curve.

    A node has emerged when its interval stays above chance; a domain when it stays below what token frequencies reach.
    """
    found = [*_nodes_emerging(actor, run), *_domains_emerging(actor, run)]
    return sorted(found, key=lambda each: (each.at is None, each.at or 0, each.name))


def _nodes_emerging(actor: Actor, run: TrainingRun) -> list[Emergence]:
    columns = reports(actor, run)
    if not columns:
        return []
    tokens = [report.checkpoint.tokens for report in columns]
    found = []
    for row in SkillMap(actor, columns).rows:
        points = [Point(at, score) for at, score in zip(tokens, row.scores, strict=True) if score]
        if points and row.leaf:
            found.append(Emergence(row.node.name, "items", emerged(points), points[0].tokens, points[-1].tokens))
    return found


def _domains_emerging(actor: Actor, run: TrainingRun) -> list[Emergence]:
    if run.schedule is None:
        return []
    levels = run.schedule.sequence_set.manifest.get("unigram_bits_per_byte", {})
    keys = [f"held_out/{domain}" for domain in levels]
    series = histories(actor, [run], keys)[run.pk].series if keys else {}
    found = []
    for domain, level in levels.items():
        each = series[f"held_out/{domain}"]
        if len(each):
            finite = each.take(each.finite)
            curve = list(zip(finite.tokens.tolist(), finite.value.tolist(), strict=True))
            found.append(Emergence(domain, "held-out text", below(curve, level), curve[0][0], curve[-1][0]))
    return found


def same_order(first: Sequence[Emergence], second: Sequence[Emergence]) -> RankAgreement | None:
    """Whether two runs learnt what they share in the same order; what has not emerged counts as last."""
    return rank_agreement(_ranks(first), _ranks(second))


def _ranks(found: Sequence[Emergence]) -> Mapping[str, int]:
    return {f"{each.how}/{each.name}": each.at if each.at is not None else 2**62 for each in found}

"""What the pages of the taxonomy show of the skill map."""

from __future__ import annotations

from typing import Any

from chimera.projects.access import Actor
from curriculum_app.models import TaxonomyNode
from eval_app.selectors.skills import SkillMap, reports


def of_tree(actor: Actor, trees: Any) -> dict[str, Any]:
    """How much of the tree is measured at the newest evaluated checkpoint."""
    columns = reports(actor)
    if not columns:
        return {"report": None}
    found = SkillMap(actor, columns[-1:])
    leaves = sum(row.leaf for row in found.rows)
    return {"report": columns[-1], "measured": leaves - len(found.untested), "leaves": leaves}


def of_node(actor: Actor, node: TaxonomyNode) -> dict[str, Any]:
    """The node's scores at the evaluated checkpoints; empty if nothing measures it."""
    columns = reports(actor)
    if not columns:
        return {}
    found = SkillMap(actor, columns)
    row = next(row for row in found.rows if row.node.pk == node.pk)
    if row.last is None and row.last_held_out is None:
        return {}
    weakest = [each.node.pk for each in found.weakest]
    return {"row": row, "report": columns[-1], "rank": weakest.index(node.pk) + 1 if node.pk in weakest else 0}

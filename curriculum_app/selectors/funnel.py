"""What curation did, out of a version's manifest: the funnel per domain, near-duplicates across domains, the recipe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chimera.format import grouped

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """One stage in one domain. `kept` and `before` are shares of the documents that came into the first stage."""

    name: str
    documents_in: int
    documents_out: int
    bytes_in: int
    bytes_out: int
    changed: int
    reasons: list[tuple[str, int]]
    kept: float
    before: float
    notes: list[tuple[str, int]] = field(default_factory=list)

    @property
    def dropped(self) -> int:
        return self.documents_in - self.documents_out


@dataclass(frozen=True)
class DomainFunnel:
    """All stages of one domain in order."""

    domain: str
    stages: list[Stage]

    @property
    def documents_in(self) -> int:
        return self.stages[0].documents_in

    @property
    def documents_out(self) -> int:
        return self.stages[-1].documents_out

    @property
    def dropped(self) -> int:
        return self.documents_in - self.documents_out

    @property
    def bytes_in(self) -> int:
        return self.stages[0].bytes_in

    @property
    def bytes_out(self) -> int:
        return self.stages[-1].bytes_out

    @property
    def kept(self) -> float:
        return self.stages[-1].kept

    @property
    def bytes_kept(self) -> float:
        return self.bytes_out / self.bytes_in if self.bytes_in else 0.0

    @property
    def hardest(self) -> Stage | None:
        """The stage that dropped most, if any dropped anything."""
        worst = max(self.stages, key=lambda stage: stage.dropped)
        return worst if worst.dropped else None


def funnels(manifest: Manifest) -> list[DomainFunnel]:
    """The funnel of every domain; domains without a stage have none."""
    found = manifest.get("funnel", {})
    return [DomainFunnel(domain, _stages(stages)) for domain, stages in sorted(found.items()) if stages]


def worth_opening(manifest: Manifest) -> list[str]:
    """Domains whose stages are shown at once: all of two, else the one that lost most documents."""
    found = funnels(manifest)
    if len(found) > 2:
        found = [max(found, key=lambda item: item.dropped)]
    return [item.domain for item in found]


def _stages(stages: list[dict[str, Any]]) -> list[Stage]:
    first = stages[0]["in"] or 1
    return [
        Stage(
            name=stage["stage"],
            documents_in=stage["in"],
            documents_out=stage["out"],
            bytes_in=stage["bytes_in"],
            bytes_out=stage["bytes_out"],
            changed=stage.get("changed", 0),
            reasons=sorted(stage["reasons"].items(), key=lambda item: (-item[1], item[0])),
            kept=stage["out"] / first,
            before=stage["in"] / first,
            notes=sorted(stage.get("notes", {}).items()),
        )
        for stage in stages
    ]


def duplicates_count(manifest: Manifest) -> int:
    """Documents dropped as exact or near-duplicates."""
    reports = (manifest.get(name) or {} for name in ("exact_duplicates", "duplicates"))
    return sum(report.get("removed", 0) for report in reports)


def dropped_count(manifest: Manifest, stage: str | None = None, domain: str | None = None) -> int:
    """Documents dropped, optionally in one stage or domain."""
    return sum(
        item.dropped
        for funnel in funnels(manifest)
        for item in funnel.stages
        if domain in (None, funnel.domain) and stage in (None, item.name)
    )


def stage_names(manifest: Manifest) -> list[str]:
    """Every stage that dropped something, in the order of the recipes."""
    names = [stage.name for funnel in funnels(manifest) for stage in funnel.stages if stage.dropped]
    return list(dict.fromkeys(names))


@dataclass(frozen=True)
class MatrixRow:
    """Documents of each domain that were removed because `kept` has them; `level` 0-4 says how many."""

    kept: str
    cells: list[tuple[str, int, int, int]]  # removed from, documents, bytes, level


@dataclass(frozen=True)
class DuplicateMatrix:
    domains: list[str]
    rows: list[MatrixRow]
    removed: int
    compared: int
    similar_to_kept: int  # removed documents whose similarity to the kept one reaches the threshold
    measured: dict[str, Any]  # of the bands on a sample; empty in versions made before it was
    bands: dict[str, Any]  # the settings


def duplicates(manifest: Manifest) -> DuplicateMatrix | None:
    """Near-duplicates removed, kept domain by removed domain; None when there was no such stage."""
    report = manifest.get("duplicates")
    if not report:
        return None
    matrix = report["matrix"]
    domains = sorted({*matrix, *(name for row in matrix.values() for name in row)})
    most = max((cell["documents"] for row in matrix.values() for cell in row.values()), default=0)
    rows = [
        MatrixRow(kept, [(name, *_cell(matrix.get(kept, {}).get(name), most)) for name in domains]) for kept in domains
    ]
    removed = report["removed"]
    return DuplicateMatrix(
        domains=domains,
        rows=rows,
        removed=removed,
        compared=report.get("compared", 0),
        similar_to_kept=report.get("similar_to_kept", removed),
        measured=report.get("measured", {}),
        bands=manifest.get("recipe", {}).get("params", {}).get("near_duplicates", {}),
    )


def _cell(cell: dict[str, int] | None, most: int) -> tuple[int, int, int]:
    if cell is None:
        return 0, 0, 0
    return cell["documents"], cell["bytes"], 1 + round(3 * cell["documents"] / most)


@dataclass(frozen=True)
class RecipeStep:
    """A step of a recipe and its settings, in words."""

    name: str
    settings: list[tuple[str, str]]


def recipes(manifest: Manifest) -> list[tuple[str, list[RecipeStep]]]:
    """`(domain, steps)` for a curated version, with what all domains share under "all domains"; empty for a raw one."""
    params = manifest.get("recipe", {}).get("params", {})
    found = [(domain, [_step(choice) for choice in steps]) for domain, steps in params.get("recipes", {}).items()]
    shared = [_step(choice) for choice in params.get("final_filters", [])]
    exact = params.get("exact_duplicates", "off")
    near = params.get("near_duplicates")
    if near and near.get("enabled", True):
        shared.insert(0, RecipeStep("near_duplicates", settings_of(near)))
    if exact != "off":
        shared.insert(0, RecipeStep("exact_duplicates", settings_of({"of": exact})))
    return [*sorted(found), ("all domains", shared)] if found and shared else sorted(found)


def import_settings(manifest: Manifest) -> list[tuple[str, str]]:
    """What a raw version was read with."""
    recipe = manifest.get("recipe", {})
    return settings_of(recipe.get("params", {})) if recipe.get("op") == "import" else []


def settings_of(value: dict[str, Any], prefix: str = "", between: str = ".") -> list[tuple[str, str]]:
    """A nested config as `(name, value in words)` pairs; the name says where it stands."""
    pairs: list[tuple[str, str]] = []
    for name, item in value.items():
        if isinstance(item, dict):
            pairs += settings_of(item, f"{prefix}{name}{between}", between)
        else:
            pairs.append((f"{prefix}{name}", _words(item)))
    return pairs


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return grouped(value)
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    if value is None or value in ("", []):
        return "–"
    if isinstance(value, list):
        between = "; " if any(isinstance(item, dict) for item in value) else ", "
        return between.join(_words(item) for item in value) if len(value) <= 8 else f"{len(value)} entries"
    return _entry(value) if isinstance(value, dict) else str(value)


def _entry(value: dict[str, Any]) -> str:
    """One of several nested configs: its name if it has one, and whatever is not empty."""
    said = [f"{key.replace('_', ' ')} {_words(item)}" for key, item in value.items() if item not in (None, "", [], {})]
    if "name" not in value:
        return ", ".join(said)
    return f"{value['name']} ({', '.join(item for item in said if not item.startswith('name '))})"


def _step(choice: dict[str, Any]) -> RecipeStep:
    return RecipeStep(choice["key"], settings_of(choice.get("config", {})))

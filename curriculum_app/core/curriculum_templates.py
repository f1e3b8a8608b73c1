"""Curricula to start from. A template is offered where its policy is installed (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chimera.registry import Entry
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.core.rate_presets import Ending, rate_track

CMA_ENDINGS: tuple[Ending, Ending] = ("constant", "moderate")

Settings = dict[str, Any]
Manifest = Mapping[str, Any]  # of the sequences that are designed on; empty while none are chosen


@dataclass(frozen=True)
class CurriculumTemplate:
    """`settings(manifest)` gives the policy's settings for these sequences; what it leaves out has its default."""

    key: str
    title: str
    summary: str
    source: str
    policy: str
    settings: Callable[[Manifest], Settings] = field(default=lambda manifest: {})


def _shares(manifest: Manifest, grouping: str, power: float) -> dict[str, float]:
    """Natural shares of a grouping raised to `power` and normalised: below 1 small groups gain."""
    names = manifest.get("groupings", {}).get(grouping, [])
    tokens = manifest.get("tokens_by_group", {}).get(grouping, [])
    lifted = [float(count) ** power if count else 0.0 for count in tokens]
    whole = sum(lifted) or 1.0
    shares = [round(value / whole, 4) for value in lifted]
    if shares:
        largest = shares.index(max(shares))
        shares[largest] = round(shares[largest] + 1 - sum(shares), 4)
    return dict(zip(names, shares, strict=True))


def _natural(manifest: Manifest) -> Settings:
    return {"knots": _knots(manifest, (0.0, 1.0), (1.0, 1.0))}


def _sharpened(manifest: Manifest) -> Settings:
    return {"knots": _knots(manifest, (0.0, 0.8), (0.3, 0.9), (1.0, 1.06))}


def _knots(manifest: Manifest, *places: tuple[float, float]) -> list[Settings]:
    found = [{"at": at, "shares": _shares(manifest, "domain", power)} for at, power in places]
    return [knot for knot in found if knot["shares"]]


def _cma(ascending: bool, ending: Ending) -> CurriculumTemplate:
    """One cell of CMA's 2×2: texts in ascending quality or evenly mixed, under a constant or a decaying rate."""
    order = "ascending" if ascending else "uniform"
    settings: Settings = {"ending": ending}
    if not ascending:
        track = rate_track(ending, peak=3e-3, warm_up=0.05, decay=0.2)
        settings = {"tracks": {"learning_rate": track.as_json()}}
    rate = "constant" if ending == "constant" else "down to a third at the end"
    return CurriculumTemplate(
        f"cma-{order}-{ending}",
        f"CMA 2×2: {order}, {'constant' if ending == 'constant' else 'decaying'} rate",
        f"One of four: texts {'from worst to best' if ascending else 'evenly mixed'}, the learning rate {rate}.",
        "Curriculum model averaging, CMA and CDMA (arXiv 2511.18903)",
        "quality_ascending" if ascending else "drawn",
        lambda manifest: settings,
    )


def _short_first(manifest: Manifest) -> Settings:
    """From a quarter of the sequence length, in steps of eight tokens where they go into it."""
    whole = int(manifest.get("sequence_length", 64))
    multiple = 8 if whole % 8 == 0 and whole >= 32 else 1
    return {"start": max(whole // 4 // multiple * multiple, 2 * multiple), "until": 0.3, "multiple": multiple}


TEMPLATES = {
    template.key: template
    for template in (
        CurriculumTemplate(
            "natural",
            "Natural mixture",
            "The corpus's own shares from beginning to end: pull from here.",
            "Chimera's own",
            "drawn",
            _natural,
        ),
        CurriculumTemplate(
            "flat-first",
            "Even first",
            "Small domains get more at the beginning, large ones catch up.",
            "Chimera's own",
            "drawn",
            _sharpened,
        ),
        CurriculumTemplate(
            "five-phase",
            "Chimera, five phases",
            "Five consecutive segments, each with its mixture, its learning rate and the gate to the next.",
            "The blueprint, Phase I-V",
            "phased",
        ),
        CurriculumTemplate(
            "pcmind-order",
            "PCMind: quality within every source",
            "Every source from its worst to its best text, interleaved so that the mixture stays even.",
            "PCMind-2.1-Kaiyuan-2B (arXiv 2512.07612), Algorithm 1",
            "multi_domain_quality",
        ),
        CurriculumTemplate(
            "pcmind-repeat",
            "PCMind: selective repetition",
            "The best tenth of the texts is shown in all of five phases, the rest less often.",
            "PCMind-2.1-Kaiyuan-2B (arXiv 2512.07612)",
            "selective_repetition",
        ),
        *(_cma(ascending, ending) for ascending in (True, False) for ending in CMA_ENDINGS),
        CurriculumTemplate(
            "length-warm-up",
            "Length warm-up",
            "Sequences are cut to a quarter at first and whole after three tenths of the tokens.",
            "Sequence length warm-up (arXiv 2108.06084)",
            "length_warm_up",
            _short_first,
        ),
        CurriculumTemplate(
            "dihcl",
            "DIHCL",
            "Episodes over ever smaller subsets, drawn by how hard each sequence has been so far in the run.",
            "Dynamic instance hardness (NeurIPS 2020)",
            "dihcl",
        ),
    )
}


def offered() -> list[tuple[CurriculumTemplate, Entry[Any]]]:
    """The templates whose policy is installed, with that policy."""
    installed = {entry.key: entry for entry in POLICIES}
    return [(template, installed[template.policy]) for template in TEMPLATES.values() if template.policy in installed]

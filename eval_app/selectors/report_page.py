"""A study as one self-contained HTML file: the question, the answer, and all it takes to check and to repeat it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe

from chimera.projects.access import Actor
from eval_app.core.configs_study import StudyConfig
from eval_app.core.report.curves import Curves, curves_svg, mean_curve
from eval_app.core.report.differences import differences_svg
from eval_app.core.report.document import document
from eval_app.core.verdicts.leaderboard import leaderboard
from eval_app.core.verdicts.outcome import MACRO
from eval_app.core.verdicts.verdict import Verdict
from eval_app.models import Study
from eval_app.selectors.edited_runs import edited_runs
from eval_app.selectors.reproductions import reproductions_of
from eval_app.selectors.studies import curve_key, held_out_curves, study_arms, study_config, study_verdict
from eval_app.selectors.study_runs import StudyRun, study_averages, study_runs

_MOST_MEANS = 12  # evaluations in the table beside the curves


def report_html(actor: Actor, study: Study) -> str:
    """The file. Equal stored data gives equal text."""
    body = render_to_string("eval/report.html", report_context(actor, study))
    return document(f"{study.name} · {study.uid}", body, _css("css/tokens.css"), _css("css/areas/report.css"))


def _css(name: str) -> str:
    found = finders.find(name)
    assert isinstance(found, str), f"{name} is a static file"
    return Path(found).read_text(encoding="utf-8")


def report_context(actor: Actor, study: Study) -> dict[str, Any]:
    """What the template shows of a study that has a verdict."""
    config, verdict = study_config(study), study_verdict(study)
    assert verdict is not None
    key = curve_key(config)
    runs, curves = study_runs(study, config), held_out_curves(actor, study, key)
    arms = [arm.name for arm in config.arms]
    confidence = f"{100 * (1 - config.alpha):g} %"
    ranked = [leader.comparison for leader in leaderboard(verdict) if leader.comparison is not None]
    compared = [item.as_json() for item in verdict.comparisons]
    return {
        "study": study, "config": config, "verdict": verdict, "confidence": confidence, "arms": arms, "runs": runs,
        "edited": edited_runs(study),
        "arm_rows": study_arms(config, verdict.as_json()), "ranked": ranked, "unit": verdict.unit,
        "not_better": [item for item in ranked if item.word != "better"],
        "differences": mark_safe(
            differences_svg(compared, verdict.baseline, confidence, verdict.better, verdict.unit)
        ),
        "curves": mark_safe(curves_svg(curves, arms, verdict.unigram if key == MACRO else None)),
        "means": _means(curves, arms), "grid": _grid(config, verdict),
        "averages": study_averages(study), "machines": machines(runs),
        "seconds": sum(float(run.summary.get("seconds", 0.0)) for run in runs),
        "parameters": sorted({run.summary["parameters"] for run in runs if "parameters" in run.summary}),
        "config_json": _json(study.job.config), "arm_configs": _arm_configs(runs, config),
        "repetitions": reproductions_of(study),
    }  # fmt: skip


def _grid(config: StudyConfig, verdict: Verdict) -> list[tuple[int, list[float | None]]]:
    """Per seed what the verdict rests on, arm by arm; None where a look had decided the arm before."""
    by_arm = {arm.name: arm.by_seed for arm in verdict.arms}
    return [(seed, [by_arm[arm.name].get(seed) for arm in config.arms]) for seed in config.seeds]


def _means(curves: Curves, arms: list[str]) -> dict[str, Any]:
    """Means over seeds of arms with runs of their own, at evaluations that all share.

    At most `_MOST_MEANS`, evenly chosen, the last among them.
    """
    drawn = [arm for arm in arms if curves.get(arm)]
    by_arm = [dict(mean_curve(curves[arm])) for arm in drawn]
    shared = sorted(set.intersection(*(set(each) for each in by_arm))) if by_arm else []
    count = min(_MOST_MEANS, len(shared))
    chosen = [shared[(number + 1) * len(shared) // count - 1] for number in range(count)]
    rows = [(tokens, [each[tokens] for each in by_arm]) for tokens in chosen]
    return {"arms": drawn, "rows": rows, "shown": len(chosen), "all": len(shared)}


def machines(runs: Sequence[StudyRun]) -> list[dict[str, Any]]:
    """Circumstances, and the runs that had them; one entry when all ran alike."""
    by_facts: dict[tuple[tuple[str, str], ...], list[StudyRun]] = {}
    for run in runs:
        by_facts.setdefault(tuple(run.circumstances.items()), []).append(run)
    return [
        {
            "facts": dict(facts),
            "runs": "all runs" if len(found) == len(runs) else "; ".join(run.name for run in found),
            "pace": sum(float(run.summary.get("tokens_per_second", 0.0)) for run in found) / len(found),
        }
        for facts, found in by_facts.items()
    ]


def _arm_configs(runs: Sequence[StudyRun], config: StudyConfig) -> list[dict[str, str]]:
    """Per arm the whole config of its run at the first seed; the others differ in seed and schedule."""
    first = {run.arm: run for run in reversed(runs)}
    return [
        {"arm": arm.name, "run": first[arm.name].name, "json": _json(first[arm.name].run.job.config)}
        for arm in config.arms
        if arm.name in first
    ]


def _json(config: dict[str, Any]) -> str:
    """JSON with a line for each of its own fields."""
    lines = [f" {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in config.items()]
    return "{\n" + ",\n".join(lines) + "\n}"

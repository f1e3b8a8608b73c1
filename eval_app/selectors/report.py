"""A study's verdict page as Markdown: what was asked, what came out, and how to do it again."""

from __future__ import annotations

import json
from typing import Any

from chimera.format import fixed, grouped, signed
from eval_app.core.configs_study import StudyConfig
from eval_app.models import Study
from eval_app.selectors.studies import ArmRow, Cell, study_arms, study_cells, study_config, study_grid


def report(study: Study) -> str:
    """Markdown of a study that has a verdict; every number stands on the study's page too."""
    config, verdict, cells = study_config(study), study.verdict, study_cells(study)
    assert verdict is not None
    parts = [
        f"# {config.name}",
        f"**{verdict['sentence']}**",
        f"Primary outcome, named before the start: {verdict['primary_outcome']}. Baseline: {verdict['baseline']}. "
        f"{grouped(config.budget_tokens)} tokens a run; {len(config.arms)} arms × {len(config.seeds)} seeds.",
        _arms(config, verdict),
        "## Against the baseline",
        *[_comparison(item, verdict["baseline"]) for item in verdict["comparisons"]],
        *verdict["failures"],
        "## Every run",
        _runs(config, cells),
        "## How it was decided",
        f"Paired t over differences of seeds, two-sided, α = {config.alpha:g}, Holm-adjusted over the arms; fewer than "
        f"three seeds never carry a verdict. Token frequencies alone reach {fixed(verdict['unigram'], 3)} bits a byte.",
        _circumstances(study, cells),
        "Do it again, on sequences made alike (`sequences` names them):",
        f"```json\n{json.dumps(study.job.config, ensure_ascii=False)}\n```",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows))


def _arms(config: StudyConfig, verdict: dict[str, Any]) -> str:
    rows = [
        [row.name, _followed(row), row.learning_rate, row.compares or "baseline", fixed(row.mean, 4)]
        for row in study_arms(config, verdict)
    ]
    return _table(["arm", "curriculum", "learning rate", "differs from the baseline in", "bits per byte"], rows)


def _followed(row: ArmRow) -> str:
    shared = f"the runs of {row.shares}" if row.shares else ""
    return "; ".join(part for part in (row.curriculum, row.average, shared) if part)


def _comparison(item: dict[str, Any], baseline: str) -> str:
    rows = [
        [row["domain"], *_interval(row["interval"]), "clear" if row["clear"] else "cannot tell"]
        for row in item["domains"]
    ]
    if item["interval"] is not None:
        rows.insert(0, ["**mean over domains**", *_interval(item["interval"]), f"**{item['word']}**"])
    head = ["", f"{item['arm']} − {baseline}", "interval", "p (Holm)", "says"]
    return f"### {item['arm']}\n\n{item['sentence']}\n\n{_table(head, rows)}" if rows else item["sentence"]


def _interval(interval: dict[str, Any]) -> list[str]:
    span = f"{signed(interval['low'], 4)} … {signed(interval['high'], 4)}"
    return [signed(interval["mean"], 4), span, fixed(interval["p_holm"], 4)]


def _runs(config: StudyConfig, cells: list[Cell]) -> str:
    rows = [
        [f"seed {row.seed}", *(fixed(cell.score, 4) if cell else "–" for cell in row.cells)]
        for row in study_grid(config, cells)
    ]
    return _table(["", *(arm.name for arm in config.arms)], rows)


def _circumstances(study: Study, cells: list[Cell]) -> str:
    """Data, machine and time: what a reader needs to judge the numbers."""
    runs = [cell.run.summary for cell in cells if cell.run.summary and cell.own]
    said = [f"Sequences {study.sequence_set.label} ({study.sequence_set.digest[:12]})."] if study.sequence_set else []
    if runs:
        machines = sorted({f"{run['device']}, {run['threads']} threads" for run in runs if "device" in run})
        hours = sum(float(run.get("seconds", 0.0)) for run in runs) / 3600
        parameters = sorted({run["parameters"] for run in runs if "parameters" in run})
        said.append(f"Models of {' and '.join(grouped(each) for each in parameters)} parameters; ")
        said.append(f"{len(runs)} runs on {'; '.join(machines)}: {hours:.2f} hours of training.")
    return " ".join(said)

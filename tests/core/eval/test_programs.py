"""pass@k: the estimator's published values, HumanEval's own solutions, and the way from a model's text to a score."""

from __future__ import annotations

import gzip
import json
import math

import pytest

from chimera.artefacts import ArtefactStore
from chimera.errors import InputError
from chimera.sandbox.trials import usable_walls
from curriculum_app.core.benchmarks import Benchmark, Item, save_benchmark
from curriculum_app.starter.benchmarks import FOLDER
from eval_app.core.examination import examine
from eval_app.core.scorers import programs
from eval_app.core.scorers.base import SCORERS, Answer
from eval_app.core.scorers.programs import pass_at_k
from eval_app.core.tasks.bundled import bundled_task
from tests.core.eval.models import Roomy

with gzip.open(FOLDER / "humaneval.jsonl.gz", "rt", encoding="utf-8") as lines:
    HUMANEVAL = [json.loads(line) for line in lines]
EMPTY = "    pass\n"


@pytest.fixture(scope="module")
def walls():
    try:
        usable_walls()
    except InputError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(
    ("n", "c", "k", "expected"),
    [(10, 3, 1, 0.3), (10, 3, 5, 0.916667), (200, 7, 10, 0.305599), (5, 0, 1, 0.0), (5, 4, 2, 1.0)],
)
def test_pass_at_k_has_the_published_values(n, c, k, expected):
    assert math.isclose(pass_at_k(n, c, k), expected, abs_tol=1e-6)


@pytest.mark.parametrize("n", [1, 2, 7, 12])
def test_pass_at_k_is_the_share_of_draws_with_a_right_one(n):
    for c in range(n + 1):
        for k in range(1, n + 1):
            assert math.isclose(pass_at_k(n, c, k), 1 - math.comb(n - c, k) / math.comb(n, k), abs_tol=1e-12)


@pytest.mark.parametrize(("n", "c", "k"), [(5, 6, 1), (5, 1, 6), (5, 1, 0), (5, -1, 1)])
def test_what_cannot_be_is_refused(n, c, k):
    with pytest.raises(ValueError, match="pass@"):
        pass_at_k(n, c, k)


def test_solutions_pass_and_empty_programs_do_not(walls):
    """Some items, two of which name functions of the prompt; `python -m benchmarks sandbox` runs all 164."""
    chosen = [item for n, item in enumerate(HUMANEVAL) if n % 24 == 0 or item["id"] in ("HumanEval/32", "HumanEval/33")]
    scorer = SCORERS.build("programs")
    answers = [Answer(texts=[item["canonical_solution"], EMPTY]) for item in chosen]
    scorer.prepare(zip(chosen, answers, strict=True))
    for item, answer in zip(chosen, answers, strict=True):
        scored = scorer.score(item, "", answer)
        assert [each["reason"] == "passed" for each in scored.facts["outcomes"]] == [True, False], item["id"]
        assert scored.values == {"pass_1": 0.5, "pass_10": None, "pass_100": None}


class Solver(Roomy):
    """A model that knows every second item."""

    def generate_until(self, requests, **_):
        known = {item["prompt"]: item["canonical_solution"] for item in HUMANEVAL[:4:2]}
        return [known.get(request.args[0], EMPTY) for request in requests]


def test_a_report_says_how_many_of_all_items_there_are(walls, tmp_path):
    items = [Item(item["id"], "humaneval", (item["prompt"],), item) for item in HUMANEVAL[:4]]
    facts = {"name": "HumanEval", "recipe": {}}
    benchmark = Benchmark.open(save_benchmark(ArtefactStore(tmp_path), items, facts))
    found = examine(Solver(), [bundled_task("humaneval")], [benchmark], limit=None, seed=0)
    (score,) = found.scores
    assert (score.metric, score.value, score.n) == ("pass_1", 0.5, 4) and 0 < score.low < 0.5 < score.high < 1
    assert (found.tasks[0]["present"], found.tasks[0]["pool"]) == (4, 164)
    assert [result.facts["outcomes"][0]["reason"] for result in found.results] == ["passed", "failed"] * 2


def test_without_a_sandbox_the_task_is_not_asked_and_the_report_says_why(tmp_path, monkeypatch):
    def none():
        raise InputError("no walls here", hint="install bubblewrap")

    monkeypatch.setattr(programs, "usable_walls", none)
    items = [Item(item["id"], "humaneval", (item["prompt"],), item) for item in HUMANEVAL[:1]]
    facts = {"name": "HumanEval", "recipe": {}}
    benchmark = Benchmark.open(save_benchmark(ArtefactStore(tmp_path), items, facts))
    found = examine(None, [bundled_task("humaneval")], [benchmark], limit=None, seed=0)
    assert found.missing == {"humaneval": "no walls here - install bubblewrap"} and not found.scores

"""The bounded search tells how much further from its plan it strays, by a sample of the very pool."""

import numpy as np
import pytest

from chimera.context import LocalContext
from curriculum_app.core.jobs.schedule import _summary
from curriculum_app.core.plans import PlanRequest, follow_greedily, natural_curve
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.core.pool import draw_pool
from curriculum_app.core.scheduling import bounded_check
from curriculum_app.core.scheduling.target import StaticTarget, rows_of_counts
from tests.core.curriculum.sequence_factory import DOMAINS, build_sequences
from tests.core.curriculum.test_blocks import made_up, natural

pytestmark = pytest.mark.timeout(300)  # the first use on a machine compiles


def test_a_sample_owes_each_group_what_it_has_of_it(monkeypatch):
    groups, bins = (rows_of_counts(counts) for counts in made_up(400, 12, 4, 3))
    seen = []
    monkeypatch.setattr(bounded_check, "SAMPLE", 150)
    monkeypatch.setattr(bounded_check, "_deviation", lambda *told: seen.append(told) or 1.0)
    total = float(groups.sum())
    assert bounded_check.bounded_to_exact(groups, bins, natural(*map(_dense, (groups, bins))), 1.0, total, 0) == 1.0
    part, _, wanted, _, budget, _, limit = seen[0]
    assert part.shape[0] == 150 and limit == round(bounded_check.LIMIT * 150 / 400)
    assert budget == pytest.approx(part.sum())
    assert np.allclose(wanted.groups(np.array([budget]))[0], part.sum(axis=0))
    assert np.allclose(wanted.groups(np.array([0.0, 7.0])).sum(axis=1), [0, 7])
    assert wanted.constant and [told[5] for told in seen] == ["bounded", "exact"]


def _dense(rows):
    return rows.toarray()


def test_the_ratio_is_measured_and_the_same_again(monkeypatch):
    groups, bins = (rows_of_counts(counts) for counts in made_up(600, 40, 4, 5))
    target = StaticTarget(np.asarray(groups.sum(axis=0)) / groups.sum(), np.asarray(bins.sum(axis=0)) / bins.sum())
    monkeypatch.setattr(bounded_check, "SAMPLE", 300)
    first, again = (bounded_check.bounded_to_exact(groups, bins, target, 1.0, groups.sum() / 2, 9) for _ in range(2))
    assert first == again and 0.5 < first < 2


def test_a_bounded_schedule_stores_the_ratio_and_says_it(tmp_path):
    table = build_sequences(LocalContext(tmp_path).store)
    tokens = 300 * table.sequence_length
    request = PlanRequest(table, draw_pool(table, tokens, 1), 1, tokens)
    curve = natural_curve(request, "domain")
    plan = follow_greedily(request, "domain", curve, 1.0, mode="bounded")
    assert plan.adherence["mode"] == "bounded" and plan.adherence["bounded_to_exact"] == pytest.approx(1.0)
    assert "1.00 of the exact one's on a sample" in _summary(len(plan.rows), plan.adherence)
    exact = follow_greedily(request, "domain", curve, 1.0)
    assert "bounded_to_exact" not in exact.adherence and "sample" not in _summary(1, exact.adherence)


@pytest.mark.parametrize("key", ["easy_to_hard", "drawn", "phased", "fixed_mixture"])
def test_a_policy_searches_as_it_is_told(tmp_path, key):
    table = build_sequences(LocalContext(tmp_path).store)
    tokens = 200 * table.sequence_length
    drawn = {"knots": [{"at": 0, "shares": dict.fromkeys(DOMAINS, 1 / len(DOMAINS))}]} if key == "drawn" else {}
    for search in ("bounded", "exact"):
        policy = POLICIES.build(key, {**drawn, "search": search})
        request = PlanRequest(table, policy.pool(table, tokens, 1), 1, tokens)
        assert policy.plan(request).adherence["mode"] == search

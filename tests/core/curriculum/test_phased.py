"""Consecutive phases: what each shows, the learning rate and gates they make, and what cannot be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chimera.errors import InputError
from curriculum_app.core.phased_plan import PhasedConfig, blueprint
from curriculum_app.core.plans import Plan, PlanRequest
from curriculum_app.core.policies.base import POLICIES
from tests.core.curriculum.sequence_factory import DOMAINS


def phases(*said: dict[str, object], **more: object) -> dict[str, object]:
    return {"phases": [{"name": f"phase {i}", **phase} for i, phase in enumerate(said)], **more}


def plan_of(table, config: dict[str, object], sequences: int) -> Plan:
    policy, budget = POLICIES.build("phased", config), sequences * table.sequence_length
    return policy.plan(PlanRequest(table, policy.pool(table, budget, 0), 1, budget))


def refused(config: dict[str, object], table=None) -> tuple[str, str]:
    with pytest.raises(InputError) as caught:
        plan_of(table, config, 300)
    return caught.value.problems[0].field, caught.value.problems[0].message


def test_the_blueprint_s_five_phases_show_the_pool_once_and_grow_harder(table):
    plan = plan_of(table, {}, 600)
    assert len(set(plan.order)) == len(plan.rows) == 600 and POLICIES.build("phased").only_order
    assert [phase.name.split()[0] for phase in plan.tracks.phases] == ["I", "II", "III", "IV", "V"]
    assert plan.tracks.phases[-1].end == 1.0 and plan.tracks.learning_rate is None
    ends = [round(600 * phase.end) for phase in plan.tracks.phases]
    means = [table.difficulty[part].mean() for part in np.split(plan.order, ends)[:-1]]
    assert means[0] < means[4] < means[1] < means[3]  # foundations easy, all bins, hard, hardest
    first = table.difficulty[plan.order[: ends[0]]]
    assert first[:60].mean() < first[-60:].mean()
    assert plan.adherence["max_deviation"] < 4
    assert [fact["end"] for fact in plan.facts["phases"]] == [end * 32 for end in ends]


def test_every_phase_of_the_blueprint_says_what_is_not_built_yet():
    assert sum(phase.share for phase in blueprint()) == pytest.approx(1)
    assert all("not built yet" in phase.note for phase in blueprint())


def test_exact_shares_are_kept_within_each_phase(table):
    first, second = {"code": 0.5, "prose": 0.5}, {"literature": 0.25, "reference": 0.75}
    config = phases({"share": 0.5, "shares": first}, {"share": 0.5, "shares": second}, grouping="domain", show="shares")
    plan = plan_of(table, config, 200)
    held = table.grouping("domain").dense(plan.order)
    halves = [part.sum(axis=0) / part.sum() for part in np.split(held, 2)]
    assert halves[0] == pytest.approx([first.get(name, 0) for name in DOMAINS], abs=0.03)
    assert halves[1] == pytest.approx([second.get(name, 0) for name in DOMAINS], abs=0.03)
    before, after = plan.curve.at([100 * 32 - 1, 100 * 32 + 1])
    assert before[0] == pytest.approx(0.5, abs=1e-5) and after[3] == pytest.approx(0.75, abs=1e-5)


def test_a_tilt_multiplies_shares_by_its_exponential(table):
    """Tilt ln 9 with difficulties 0 and 1 of the easiest and hardest group: their ratio is nine times the natural."""
    plan = plan_of(table, phases({"share": 1, "tilt": float(np.log(9))}, show="shares"), 50)
    totals, shares = table.grouping("difficulty").totals(), plan.curve.at(800)
    assert shares[3] / shares[0] == pytest.approx(9 * totals[3] / totals[0])


def test_rates_of_phases_make_one_track_with_jumps_and_a_warm_up(table):
    config = phases(
        {"share": 0.5, "learning_rate": 2e-3},
        {"share": 0.25},
        {"share": 0.25, "learning_rate": 1e-3, "learning_rate_end": 1e-4, "gate": {"value": 3.0}},
        warm_up=0.1,
    )
    tracks = PhasedConfig.model_validate(config).tracks()
    rate = tracks.learning_rate
    assert rate is not None
    found = [rate.at(at) for at in (0.05, 0.1, 0.3, 0.6, 0.7499, 0.75, 0.875, 1)]
    assert found == pytest.approx([1e-3, 2e-3, 2e-3, 2e-3, 2e-3, 1e-3, 5.5e-4, 1e-4])
    assert tracks.phases[2].gate is not None and tracks.phases[2].start == 0.75


@given(st.lists(st.tuples(st.floats(0.05, 1), st.floats(-6, 6), st.floats(-6, 6)), min_size=1, max_size=6))
def test_any_phases_share_out_the_pool(table, drawn):
    total = sum(share for share, _, _ in drawn)
    said = [{"share": share / total, "tilt": low, "tilt_end": high} for share, low, high in drawn]
    policy, budget = POLICIES.build("phased", phases(*said)), 400 * table.sequence_length
    request = PlanRequest(table, policy.pool(table, budget, 0), 1, budget)
    curve, totals = policy.preview(request), table.grouping("difficulty").totals(request.pool.ids)
    assert np.abs(curve.cumulative(float(budget)) - totals).max() <= 1e-6 * budget
    assert curve.at(np.linspace(1, budget, 40)).sum(axis=1) == pytest.approx(np.ones(40))


@pytest.mark.parametrize(
    ("config", "field", "said"),
    [
        (phases({"share": 0.5}, {"share": 0.4}), "config.phases", "0.9 of the budget together, not 1"),
        (
            phases({"share": 0.5}, {"share": 0.5, "learning_rate": 1}),
            "config.phases.0.learning_rate",
            "'phase 1' has one",
        ),
        (
            phases({"share": 0.1, "learning_rate": 1e-3}, {"share": 0.9}, warm_up=0.2),
            "config.warm_up",
            "the first phase only 0.1",
        ),
        (phases({"share": 1, "shares": {"1": 0.9}}), "config.phases.0.shares", "add up to 0.9"),
        (phases({"share": 1, "shares": {"9": 1.0}}), "policy.config.phases.0.shares", "no group '9'"),
        (phases({"share": 1, "shares": {"1": 1.0}}), "policy.config.show", "'2' stands in no phase"),
        (phases({"share": 1, "shares": {"1": 1.0}}, show="shares"), "budget_tokens", "'1' is"),
    ],
)
def test_what_is_wrong_with_phases_is_said_at_its_field(table, config, field, said):
    found, message = refused(config, table)
    assert found == field and said in message

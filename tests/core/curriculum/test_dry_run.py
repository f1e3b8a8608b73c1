"""The dry run: counts by group and stretch, exposures, similarity, and what is to be mended."""

import json

import numpy as np
import pytest

from chimera.context import LocalContext
from chimera.errors import InputError
from curriculum_app.core.configs_dry_run import Bound, DryRunConfig, DryRunScheduleConfig
from curriculum_app.core.configs_order import ScheduleConfig
from curriculum_app.core.dry_run import Planned, cosine_matrix, dry_run, exposures
from curriculum_app.core.dry_run_problems import GroupLine, Totals, problems_of_dry_run
from curriculum_app.core.jobs import dry_run as jobs
from curriculum_app.core.jobs import schedule as schedule_job
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.plans import PlanRequest
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.core.schedule import Schedule, rows_of
from curriculum_app.core.tracks import Phase
from tests.core.curriculum.sequence_factory import DOMAINS, build_schedule, build_sequences


def planned(table, key: str = "shuffle", rows: int = 400, **config) -> Planned:  # type: ignore[no-untyped-def]
    policy, budget = POLICIES.build(key, config), rows * table.sequence_length
    plan = policy.plan(PlanRequest(table, policy.pool(table, budget, 0), 1, budget))
    return Planned(table, plan.rows, plan.grouping, plan.curve, plan.adherence, plan.tracks.phases)


def of_order(table, order, phases=(), shares=None) -> Planned:  # type: ignore[no-untyped-def]
    curve = MixtureCurve.constant(DOMAINS, [0.25] * 4 if shares is None else shares)
    return Planned(table, rows_of(table, np.asarray(order)), "domain", curve, {}, phases)


# -- counts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["shuffle", "fixed_mixture", "selective_repetition", "multi_domain_quality"])
def test_tokens_add_up_in_every_grouping_and_stretch(table, key):
    order = planned(table, key)
    report = json.loads(json.dumps(dry_run(order), allow_nan=False))
    total = 400 * table.sequence_length
    assert report["totals"]["tokens"] == total == sum(item["tokens"] for item in report["stretches"])
    assert [item["name"] for item in report["groupings"]] == ["domain", "difficulty"]
    for grouping in report["groupings"]:
        assert sum(group["shown"] for group in grouping["groups"]) == total
        assert sum(group["share"] for group in grouping["groups"]) == pytest.approx(1)
        by_stretch = np.array([group["by_stretch"] for group in grouping["groups"]]).sum(axis=0)
        assert by_stretch.tolist() == [item["tokens"] for item in report["stretches"]]
    exact = table.grouping("domain").totals(order.rows["sequence"])
    assert [group["shown"] for group in report["groupings"][0]["groups"]] == exact.tolist()


def test_stretches_are_the_phases_or_else_quarters(table):
    report = dry_run(planned(table, "selective_repetition"))
    assert report["from_phases"] and [item["name"] for item in report["stretches"]][2] == "best 50%"
    report = dry_run(planned(table))
    assert not report["from_phases"] and len(report["stretches"]) == 4


def test_rows_outside_every_phase_are_in_no_stretch(table):
    phases = [Phase(name="a", start=0.1, end=0.5), Phase(name="b", start=0.5, end=0.9)]
    report = dry_run(of_order(table, np.arange(100), phases))
    assert [item["tokens"] for item in report["stretches"]] == [40 * 32, 40 * 32]


def test_parts_of_sequences_count_as_their_share(table):
    order = of_order(table, [0, 0, 1])
    order.rows["length"] = [16, 16, 8]
    report = dry_run(order)
    assert report["totals"]["tokens"] == 40
    groups = report["groupings"][0]["groups"]
    exact = table.grouping("domain").dense(np.array([0, 1]))
    assert [g["shown"] for g in groups] == [round(v) for v in exact[0] + exact[1] / 4]


# -- exposures ---------------------------------------------------------------------------------------------------------


def test_exposures_of_everything_once_and_of_one_sequence_five_times(table):
    once = exposures(of_order(table, np.arange(table.num_sequences)))
    assert once["once"] == 1 and once["max"] == 1 and once["histogram"][:2] == [0, once["count"]]
    assert once["count"] == len(np.unique(table.pieces.documents))
    five = exposures(of_order(table, [*range(table.num_sequences), 0, 0, 0, 0]))
    assert five["max"] == 5 and five["most"][0]["passes"] == 5
    assert five["too_often"] == len(np.unique(table.pieces.documents[: table.pieces.offsets[1]]))
    again = exposures(of_order(table, np.repeat(np.arange(table.num_sequences), 5)))
    assert again["often"] == 1 and again["too_often"] == again["count"]
    nothing = exposures(of_order(table, [0]))
    assert nothing["never"] > 0.9
    assert sum(nothing[key] for key in ("never", "once", "few", "often")) == pytest.approx(1)


# -- similarity --------------------------------------------------------------------------------------------------------


def test_worked_cosines():
    got = cosine_matrix(np.array([[1.0, 0], [1, 1], [0, 2]]))
    assert got[np.triu_indices(3, 1)] == pytest.approx([0.7071068, 0, 0.7071068])
    assert cosine_matrix(np.zeros((2, 3))).tolist() == [[0, 0], [0, 0]]


def test_an_order_that_drifts_is_less_alike_than_its_shuffle(table):
    by_domain = np.argsort(np.asarray(table.grouping("domain").counts.argmax(axis=1)).ravel(), kind="stable")
    drifting = dry_run(of_order(table, by_domain))["similarity"]
    assert drifting["least"] < 0.2 < 0.8 < drifting["shuffle_least"] and drifting["slope"] < -0.5
    even = dry_run(planned(table, "fixed_mixture"))["similarity"]
    assert even["least"] > 0.99 > even["shuffle_least"] and len(even["matrix"]) == 10


# -- what is to be mended ----------------------------------------------------------------------------------------------


def line(name="code", available=900_000, owed=None, shown=900_000, share=0.13) -> GroupLine:  # type: ignore[no-untyped-def]
    return GroupLine(name, available, owed, shown, share, ())


TOTALS = Totals(6_900_000, 6738, 6738, 6_900_000, 9_000_000, 8789, 1024)
FINE = {"too_often": 0, "max": 1.0}


def mended(lines, bounds=(), documents=FINE, adherence=None):  # type: ignore[no-untyped-def]
    return problems_of_dry_run({"domain": lines}, bounds, TOTALS, documents, adherence or {}).problems


def test_a_starved_group_says_how_far_to_go_down():
    (found,) = mended([line(owed=1_200_000)])
    assert found.kind == "starved" and found.message == "code is owed 1,200,000 tokens, there are 900,000"
    assert found.hint == "lower its share to 13.0 % or the budget to 5,175,000, or show it more than once"
    assert mended([line(owed=1_200_000, shown=1_200_000)]) == [], "shown more than once for it"
    (hardly,) = mended([line(owed=800_000, shown=10)])
    assert hardly.kind == "starved" and "is shown 10" in hardly.message
    assert mended([line(owed=901_000)]) == [] and mended([line(owed=3.0, shown=0)]) == []


def test_broken_bounds_say_by_how_much():
    bounds = [Bound(group="code", most=0.1), Bound(group="code", least=0.2)]
    most, least = mended([line()], bounds)
    assert most.message == "code has 13.0 % of the tokens, more than the 10.0 % allowed"
    assert most.hint == "lower its share to 10.0 %: show 210,000 tokens less of it"
    assert least.hint.startswith("there are only 900,000 tokens of it: lower the budget to 4,500,000")
    (more,) = mended([line(available=10**7)], bounds[1:])
    assert more.hint == "raise its share to 20.0 %: show 480,000 tokens more of it"
    assert mended([line()], [Bound(group="code", least=0.1, most=0.2)]) == []


def test_more_than_four_passes_of_groups_and_documents():
    (group,) = mended([line(shown=4_500_000)])
    assert group.message == "code is shown 5.00 times, more than 4"
    assert group.hint == "lower its share to 52.2 %, or the budget to 5,520,000"
    (documents,) = mended([line()], documents={"too_often": 312, "max": 5.0})
    assert documents.message.startswith("312 documents are shown more than 4 times, one of them 5 times")


def test_a_plan_that_cannot_be_kept_to_the_end():
    (drift,) = mended([line()], adherence={"drift_after_horizon": 31.4, "feasible_horizon": 5_000_000})
    assert drift.hint.startswith("lower the budget to 5,000,000")
    assert mended([line()], adherence={"drift_after_horizon": 1.0, "feasible_horizon": 5_000_000}) == []


@pytest.mark.parametrize(
    ("bound", "field"),
    [(Bound(group="cdoe"), "bounds.0.group"), (Bound(grouping="topic", group="code"), "bounds.0.grouping")],
)
def test_a_bound_of_something_unknown_is_refused_with_what_there_is(table, bound, field):
    with pytest.raises(InputError, match="one of") as caught:
        dry_run(planned(table), [bound])
    assert caught.value.problems[0].field == field


def test_five_epochs_and_two_bounds_are_marked_on_a_real_plan(table):
    phases = [{"fraction": part} for part in (1, 1, 0.5, 0.3, 0.1)]
    order = planned(table, "selective_repetition", 900, phases=phases, most_passes=5)
    bounds = [Bound(group="code", most=0.05), Bound(grouping="difficulty", group="1", least=0.9)]
    report = dry_run(order, bounds)
    kinds = [item["kind"] for item in report["problems"]]
    assert kinds.count("bound") == 2 and "epochs" in kinds
    assert [g["name"] for g in report["groupings"][0]["groups"] if g["flagged"]] == ["code"]


# -- the jobs ----------------------------------------------------------------------------------------------------------


def test_a_draft_and_the_schedule_made_of_it_give_the_same_report(tmp_path):
    ctx = LocalContext(tmp_path)
    table = build_sequences(ctx.store, num_documents=80)
    ctx.artefacts["sequences-1"] = table
    raw = {"name": "d", "sequences": "sequences-1", "policy": {"key": "selective_repetition"}, "budget_tokens": 3200}
    report = jobs.run(DryRunConfig.model_validate(raw), ctx).report
    assert not list((tmp_path / "artefacts").glob("schedule/*/*")), "nothing is stored"
    stored = schedule_job.run(ScheduleConfig.model_validate(raw), ctx).stored
    ctx.artefacts["schedule-1"] = Schedule.open(stored)
    again = jobs.run_schedule(DryRunScheduleConfig.model_validate({"schedule": "schedule-1"}), ctx).report
    assert json.loads(json.dumps(again)) == json.loads(json.dumps(report))


def test_a_schedule_from_before_adherence_reports_can_be_dry_run(tmp_path):
    ctx = LocalContext(tmp_path)
    table = build_sequences(ctx.store, num_documents=80)
    ctx.artefacts["schedule-1"] = build_schedule(ctx.store, table)
    report = jobs.run_schedule(DryRunScheduleConfig.model_validate({"schedule": "schedule-1"}), ctx).report
    assert report["prefix"] == {} and report["problems"] == []


def test_a_policy_that_decides_during_the_run_has_nothing_to_look_at(tmp_path):
    ctx = LocalContext(tmp_path)
    ctx.artefacts["sequences-1"] = build_sequences(ctx.store, num_documents=80)
    raw = {"name": "d", "sequences": "sequences-1", "policy": {"key": "dihcl"}, "budget_tokens": 3200}
    with pytest.raises(InputError, match="decides during the run") as caught:
        jobs.run(DryRunConfig.model_validate(raw), ctx)
    assert caught.value.problems[0].field == "policy"

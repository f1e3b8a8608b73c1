"""Dynamic instance hardness: the worked numbers of the method, and what its choosers may not do."""

import numpy as np
import pytest

from chimera.context import LocalContext
from chimera.errors import InputError
from curriculum_app.core.adaptive.contract import Feedback, Progress
from curriculum_app.core.adaptive.hardness import Hardness, draw, gini
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.core.policies.dihcl import Dihcl, DihclChooser
from curriculum_app.core.schedule import ROW
from tests.core.curriculum.sequence_factory import build_sequences

RNG = np.random.default_rng(0)


def softmax(z):
    e = np.exp(z - np.max(z))
    return e / e.sum()


def updated(keep, told="loss", losses=(2.0, 0.5)):
    hardness = Hardness(4, keep=keep, told=told)
    hardness.update(np.array([0, 2]), np.array(losses))
    return hardness


def make(ids):
    rows = np.zeros(len(ids), dtype=ROW)
    rows["sequence"], rows["length"], rows["weight"] = ids, 8, 1.0
    return rows


def chooser(n=20, seed=0, **config):
    return DihclChooser(Dihcl.Config(**config), np.arange(n) * 3, make, seed)


def step(made, losses=None, rows=5):
    decision = made.decide(Progress(rows, 0, 1))
    found = np.ones(rows) if losses is None else losses(decision.rows["sequence"])
    made.observe(Feedback(decision.rows, np.asarray(found, dtype=np.float32), np.asarray(found) > 1))
    return decision


def test_the_worked_updates():
    assert updated(0.1).r == pytest.approx([1.9, 1, 0.55, 1])
    assert updated(0.9).r == pytest.approx([1.1, 1, 0.95, 1])


def test_the_worked_chances_of_both_rules():
    hardness = updated(0.9)
    hardness.shown[:] = 1
    chances = [softmax(hardness.log_weights(rule, t, RNG)) for rule, t in (("rand", 1), ("exp", 20), ("exp", 1))]
    assert chances[0] == pytest.approx([0.2716049, 0.2469136, 0.2345679, 0.2469136], abs=1e-7)
    assert chances[1] == pytest.approx([0.7523874, 0.1043700, 0.0388726, 0.1043700], abs=1e-7)
    assert chances[2] == pytest.approx([0.2721671, 0.2465712, 0.2346906, 0.2465712], abs=1e-7)


def test_the_worked_subsets_and_temperatures():
    made = chooser(n=1000, rule="rand")
    made._begin_episode()
    shares, temperatures = [], []
    for _ in range(12):
        made._begin_episode()
        shares.append(made.share)
        temperatures.append(made.temperature)
    expected = [0.9, 0.81, 0.729, 0.6561, 0.59049, 0.531441, 0.4782969, 0.4304672, 0.3874205, 0.3486784, 0.3138106, 0.3]
    assert shares == pytest.approx(expected, abs=1e-7)
    assert temperatures[:6] == pytest.approx([16, 12.8, 10.24, 8.192, 6.5536, 5.24288])
    for _ in range(10):
        made._begin_episode()
    assert made.temperature == 1.0 and made.share == 0.3 and len(made.queue) == 300


def test_a_change_is_the_loss_at_first_and_never_more_than_ten():
    hardness = updated(0.0, "loss_change")
    assert hardness.r.tolist() == [2, 1, 0.5, 1]
    hardness.update(np.array([0, 2]), np.array([50.0, 0.25]))
    assert hardness.r.tolist() == [10, 1, 0.25, 1]


def test_a_flip_is_counted_and_moves_the_beta():
    hardness = updated(0.0, "flip", (1, 0))
    hardness.update(np.array([0, 2]), np.array([1, 1]))
    assert hardness.r.tolist() == [0, 1, 1, 1] and hardness.shown.tolist() == [2, 0, 2, 0]
    assert hardness.harder.tolist() == [3, 2, 3, 2] and hardness.easier.tolist() == [3, 2, 3, 2]


def test_a_loss_that_is_no_number_changes_the_count_alone():
    hardness = updated(0.5, losses=(float("nan"), float("inf")))
    assert hardness.r.tolist() == [1] * 4 and hardness.shown.tolist() == [1, 0, 1, 0]


def test_what_was_never_shown_is_as_hard_as_the_hardest_that_was():
    assert updated(0.0).seen().tolist() == [2, 2, 0.5, 2]


def test_drawing_without_replacement_has_the_chances_of_its_weights_and_the_beta_those_of_its_counts():
    weights, rng = np.log([0.1, 0.2, 0.3, 0.4]), np.random.default_rng(1)
    firsts = np.bincount([draw(weights, 1, rng)[0] for _ in range(20_000)], minlength=4) / 20_000
    assert firsts == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.012)
    pairs = [tuple(draw(weights, 2, rng)) for _ in range(20_000)]
    assert pairs.count((2, 3)) / 20_000 == pytest.approx(0.3 * 0.4 / 0.7 + 0.4 * 0.3 / 0.6, abs=0.012)
    assert all(len(set(pair)) == 2 for pair in pairs)
    drawn = np.array([updated(0.9, "flip", (1, 0)).log_weights("beta", 1.0, rng) for _ in range(4000)])
    assert drawn.mean(axis=0) == pytest.approx([3 / 5, 1 / 2, 2 / 5, 1 / 2], abs=0.02)


def test_the_inequality_of_showings():
    assert gini(np.array([3, 3, 3])) == pytest.approx(0) and gini(np.array([0, 0, 0, 8])) == pytest.approx(0.75)
    assert gini(np.zeros(3)) == 0


@pytest.mark.parametrize("rule", ["rand", "exp", "beta"])
def test_the_first_episode_shows_everything_and_the_next_what_is_hard_without_replacement(rule):
    hard = {0, 3, 6, 9}

    def losses(sequences):
        return [8.0 if s in hard else 1.0 for s in sequences]

    made = chooser(rule=rule, feedback="loss", keep=0.0, share_least=0.3, share_decay=0.7, refresh=0.1)
    first = [step(made, losses) for _ in range(4)]
    assert sorted(s for d in first for s in d.rows["sequence"]) == [3 * i for i in range(20)]
    assert first[0].happenings[0].message == "episode 1: 20 of 20 candidates, a full pass"
    oldest = np.flatnonzero(np.argsort(np.argsort(made.shown_at)) < 2)
    second = step(made, losses, rows=6)
    shown = set(second.rows["sequence"].tolist())
    assert len(shown) == 6 and set((3 * oldest).tolist()) <= shown
    assert second.reason == {"episode": 2, "drawn_by": rule} and second.scalars["temperature"] == 16
    if rule == "exp":
        assert len(hard & shown) >= 3
    assert made.hardness.shown.sum() == 26 and made.hardness.shown.max() == 2


def test_metrics_and_histograms_come_ten_times_a_pass():
    made, seen = chooser(n=40, rule="rand"), []
    for _ in range(20):
        step(made, rows=2)
        seen.append(made.metrics())
    full = [metrics for metrics in seen if metrics]
    assert len(full) == 10 and full[-1]["coverage"] == 1.0 and full[-1]["gini"] == pytest.approx(0)
    assert full[0]["coverage"] == 0.1 and list(full[0])[2:] == [
        f"hardness_q{q}" for q in ("05", "25", "50", "75", "95")
    ]
    standing = made.standing()
    assert standing.counts.shape == (10, 200) and (standing.counts.sum(axis=1) == 40).all()
    assert standing.rows_at.tolist() == list(range(4, 41, 4))


def test_a_chooser_goes_on_from_its_state_bit_for_bit_even_where_an_example_comes_twice_in_a_step():
    one, two = chooser(n=7, feedback="loss"), chooser(n=7, feedback="loss")
    for _ in range(3):
        step(one, lambda s: 1 + s / 10)
    two.load(one.state())
    for _ in range(12):
        left, right = step(one, lambda s: 1 + s / 10, rows=9), step(two, lambda s: 1 + s / 10, rows=9)
        assert np.array_equal(left.rows, right.rows) and left.happenings == right.happenings
        assert left.per_row["hardness"].tolist() == right.per_row["hardness"].tolist()
    assert one.hardness.shown.sum() == 15 + 12 * 9
    assert all(
        np.array_equal(array, two.state().arrays[name], equal_nan=True) for name, array in one.state().arrays.items()
    )


def test_flips_of_text_and_a_budget_without_candidates_are_refused(tmp_path):
    table = build_sequences(LocalContext(tmp_path).store)
    with pytest.raises(InputError, match="packed text has none") as error:
        POLICIES.build("dihcl", {"feedback": "flip"}).chooser(table, np.arange(4), 0)
    assert error.value.problems[0].field == "policy.config.feedback"
    pool = POLICIES.build("dihcl", {"passes": 3}).pool(table, 32 * 30, 0)
    assert len(pool.ids) == 10
    for budget, words in ((32 * 2, "leaves no candidate"), (33, "not a multiple")):
        with pytest.raises(InputError, match=words):
            POLICIES.build("dihcl").pool(table, budget, 0)

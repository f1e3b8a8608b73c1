"""How much may be shown by when, and the order that follows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curriculum_app.core.scheduling.pacing import Pacing, paced_order


@pytest.mark.parametrize(
    ("power", "expected"),
    [
        (1, [0.01, 0.109, 0.505, 1]),
        (2, [0.01, 0.3163700365078842, 0.7071421356417675, 1]),
        (3, [0.01, 0.4641603, 0.7937008, 1]),
    ],
)
def test_competence_has_the_published_values(power: int, expected: list[float]) -> None:
    pacing = Pacing("competence", 0.01, power=power)
    assert [pacing.at(t / 1000) for t in (0, 100, 500, 1000)] == pytest.approx(expected, abs=5e-8)


def test_linear_root_and_steps() -> None:
    assert [Pacing("linear", 0.2, until=0.5).at(t) for t in (0, 0.25, 0.5, 1)] == pytest.approx([0.2, 0.6, 1, 1])
    assert [Pacing("root", 0.2).at(t) for t in (0, 0.25, 1)] == pytest.approx([0.2, 0.6, 1])
    assert [Pacing("step", 0.01, stages=4).at(t) for t in (0, 0.24, 0.25, 0.6, 1)] == [0.25, 0.25, 0.5, 0.75, 1]


pacings = st.builds(
    Pacing,
    st.sampled_from(["linear", "root", "step", "competence"]),
    st.floats(0.01, 1),
    st.floats(0.05, 1),
    st.floats(1, 5),
    st.integers(1, 8),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(2, 40)), min_size=1, max_size=80), pacings, st.integers(0, 9))
def test_each_is_shown_once_and_never_before_it_is_allowed(
    items: list[tuple[int, int]], pacing: Pacing, seed: int
) -> None:
    difficulty, lengths = np.array([d for d, _ in items], float), np.array([n for _, n in items])
    order = paced_order(difficulty, lengths, pacing, np.random.default_rng(seed))
    assert sorted(order.tolist()) == list(range(len(items)))
    easiest, shown = np.sort(difficulty), np.cumsum(lengths[order]) - lengths[order]
    for place, index in enumerate(order):
        share = pacing.at(int(shown[place]) / int(lengths.sum()))
        highest = max(int(np.ceil(share * len(items))), place + 1) - 1
        assert difficulty[index] <= easiest[min(highest, len(items) - 1)], "ties at the cut count as allowed"


def test_draws_are_even_among_what_is_allowed() -> None:
    """Of 10 sequences the easiest 5 are allowed at first: each is first equally often."""
    pacing, sizes = Pacing("step", 0.01, stages=2), np.full(10, 4)
    first = [paced_order(np.arange(10.0), sizes, pacing, np.random.default_rng(seed))[0] for seed in range(2000)]
    counts = np.bincount(first, minlength=10)
    assert counts[5:].sum() == 0 and abs(counts[:5] - 400).max() < 80


def test_competence_one_over_everything_sorts() -> None:
    pacing = Pacing("linear", 1e-9)
    order = paced_order(np.array([3.0, 1.0, 2.0, 0.0]), np.full(4, 8), pacing, np.random.default_rng(0))
    assert order.tolist() == [3, 1, 2, 0]

"""The sequence length over tokens, and rows cut to it."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from chimera.errors import InputError
from curriculum_app.core.schedule import ROW, multiset_digest, multiset_of
from curriculum_app.core.scheduling.lengths import rows_needed, shortened
from curriculum_app.core.tracks import LengthTrack


class Text:
    """A table of packed text, as far as cutting looks at it."""

    form = "text"


def track(*knots: tuple[float, int], between: str = "linear", multiple: int = 8, root: float = 2.0) -> LengthTrack:
    chosen = [{"at": at, "length": length} for at, length in knots]
    return LengthTrack.model_validate({"knots": chosen, "between": between, "multiple": multiple, "root": root})


def whole(lengths: list[int]) -> np.ndarray:
    return np.array([(index, 0, length, 1.0) for index, length in enumerate(lengths)], dtype=ROW)


# -- the track ---------------------------------------------------------------------------------------------------------


def test_a_linear_warm_up_gives_the_lengths_of_deepspeed() -> None:
    warm_up = track((0, 8), (0.5, 1024))
    steps = [0, 1, 10, 100, 500, 999, 1000, 2000]  # of 1,000, which are half of the tokens
    assert [warm_up.at(step / 2000) for step in steps] == [8, 8, 16, 104, 512, 1016, 1024, 1024]


def test_a_root_warm_up_gives_the_lengths_of_deepspeed() -> None:
    warm_up = track((0, 64), (1, 1024), between="root", multiple=64)
    assert [warm_up.at(s / 1000) for s in (0, 1, 10, 100, 250, 500, 1000)] == [64, 64, 128, 320, 512, 704, 1024]


def test_discrete_steps_hold_until_the_next_and_the_last_for_good() -> None:
    steps = track((0.1, 16), (0.5, 32), (0.8, 64), between="step")
    assert [steps.at(p) for p in (0, 0.1, 0.49, 0.5, 0.79, 0.8, 1)] == [16, 16, 16, 32, 32, 64, 64]


@pytest.mark.parametrize(
    ("knots", "said"),
    [
        ([(0, 10), (1, 16)], "the length 10 of knot 1 is not a multiple of 8: use 8 or 16"),
        ([(0, 8), (1, 20)], "the length 20 of knot 2 is not a multiple of 8"),
        ([(0, 4)], "use 8"),
        ([(0.5, 8), (0.5, 16)], "knot 2 at 0.5 must come after knot 1"),
        ([], "at least 1 item"),
    ],
)
def test_a_track_that_would_leave_its_bounds_is_refused(knots: list[tuple[float, int]], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        track(*knots)


# -- rows cut to it ----------------------------------------------------------------------------------------------------


def test_dropped_remainders_take_more_sequences_for_as_many_tokens() -> None:
    steps = track((0, 8), (0.5, 32), between="step")
    rows = shortened(whole([32] * 8), Text(), steps, remainder="drop", budget=96)
    assert rows["length"].tolist() == [8] * 6 + [32, 16] and not rows["start"].any()
    assert rows["sequence"].tolist() == list(range(8))


def test_reshaped_remainders_follow_at_once_and_are_cut_in_their_turn() -> None:
    steps = track((0, 8), (0.25, 16), (0.5, 32), between="step")
    rows = shortened(whole([32] * 4), Text(), steps, remainder="reshape")
    shown = [(int(row["sequence"]), int(row["start"]), int(row["length"])) for row in rows]
    assert shown == [(0, s, 8) for s in (0, 8, 16, 24)] + [(1, 0, 16), (1, 16, 16), (2, 0, 32), (3, 0, 32)]


def test_no_token_is_left_alone() -> None:
    eight = track((0, 8))
    assert shortened(whole([17, 9]), Text(), eight, remainder="reshape")["length"].tolist() == [8, 9, 9]
    assert shortened(whole([9, 9, 9]), Text(), eight, remainder="drop", budget=17)["length"].tolist() == [8, 9]
    assert shortened(whole([8, 8]), Text(), eight, remainder="drop", budget=9)["length"].tolist() == [7, 2]


def test_parts_are_cut_from_where_they_start_and_keep_their_weight() -> None:
    rows = np.array([(5, 4, 12, 0.5)], dtype=ROW)
    assert shortened(rows, Text(), track((0, 8)), remainder="reshape").tolist() == [(5, 4, 8, 0.5), (5, 12, 4, 0.5)]


def test_a_budget_that_the_cut_rows_cannot_give_is_refused_with_what_they_give() -> None:
    with pytest.raises(InputError, match="give 24 tokens of the budget of 96") as caught:
        shortened(whole([32] * 3), Text(), track((0, 8)), remainder="drop", budget=96)
    assert caught.value.problems[0].field == "budget_tokens"


def test_conversations_are_not_cut() -> None:
    chat = Text()
    chat.form = "chat"
    with pytest.raises(InputError, match="form chat cannot be cut"):
        shortened(whole([32]), chat, track((0, 8)), remainder="drop")


tracks = st.builds(
    lambda places, sizes, between: track(
        *((place / 20, 4 * size) for place, size in zip(sorted(places), sizes, strict=False)),
        between=between,
        multiple=4,
    ),
    st.sets(st.integers(0, 20), min_size=1, max_size=4),
    st.lists(st.integers(1, 12), min_size=4, max_size=4),
    st.sampled_from(["linear", "root", "step"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(2, 48), min_size=1, max_size=40), tracks)
def test_reshaping_loses_no_token_and_keeps_the_order(lengths: list[int], drawn: LengthTrack) -> None:
    base = whole(lengths)
    rows = shortened(base, Text(), drawn, remainder="reshape")
    sizes = np.array(lengths)
    assert multiset_of(rows, sizes) == multiset_digest(base["sequence"])
    assert [key for key, _ in itertools.groupby(rows["sequence"].tolist())] == list(range(len(lengths)))
    assert rows["length"].min() >= 2
    before = np.cumsum(rows["length"]) - rows["length"]
    wanted = np.array([drawn.at(int(shown) / sum(lengths)) for shown in before])
    assert (rows["length"] <= wanted + 1).all()
    cut_on = rows["start"] + rows["length"] < sizes[rows["sequence"]]
    assert (rows["length"][cut_on] == wanted[cut_on]).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(8, 3000), st.integers(4, 48), tracks)
def test_dropping_meets_any_budget_with_the_rows_it_says_it_needs(budget: int, length: int, drawn: LengthTrack) -> None:
    count = rows_needed(budget, length, drawn, remainder="drop")
    rows = shortened(whole([length] * count), Text(), drawn, remainder="drop", budget=budget)
    assert int(rows["length"].sum()) == budget
    assert rows["sequence"].tolist() == list(range(count)) and not rows["start"].any()
    before = np.cumsum(rows["length"]) - rows["length"]
    wanted = [min(drawn.at(int(shown) / budget), length) for shown in before]
    assert rows["length"][:-2].tolist() == wanted[:-2]


def test_fewer_rows_than_needed_are_refused() -> None:
    steps = track((0, 8), (0.5, 32), between="step")
    count = rows_needed(320, 32, steps, remainder="drop")
    with pytest.raises(InputError, match="of the budget of 320"):
        shortened(whole([32] * (count - 1)), Text(), steps, remainder="drop", budget=320)

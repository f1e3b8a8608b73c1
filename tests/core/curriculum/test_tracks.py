"""The learning rate and the phases that a curriculum names."""

import numpy as np
import pytest
from pydantic import ValidationError

from curriculum_app.core.schedule import ROW, multiset_digest, multiset_of
from curriculum_app.core.tracks import RateTrack, Tracks


def track(*knots: tuple[float, float], between: str = "linear") -> RateTrack:
    return RateTrack.model_validate({"knots": [{"at": at, "rate": rate} for at, rate in knots], "between": between})


def test_a_rate_is_straight_between_its_knots_and_constant_outside():
    drawn = track((0.2, 0.0), (0.4, 1.0), (0.8, 0.5))
    assert [drawn.at(p) for p in (0, 0.2, 0.3, 0.4, 0.6, 1)] == pytest.approx([0, 0, 0.5, 1, 0.75, 0.5])


def test_steps_hold_until_the_next_knot():
    drawn = track((0.0, 0.3), (0.5, 0.1), between="step")
    assert [drawn.at(p) for p in (0, 0.49, 0.5, 1)] == pytest.approx([0.3, 0.3, 0.1, 0.1])


@pytest.mark.parametrize("knots", [[(0.5, 1.0), (0.5, 0.5)], [(0.0, 0.0)], []])
def test_a_track_that_cannot_be_meant_is_refused(knots):
    with pytest.raises(ValidationError):
        track(*knots)


def test_overlapping_phases_are_named():
    phases = [{"name": "a", "start": 0, "end": 0.6}, {"name": "b", "start": 0.5, "end": 1}]
    with pytest.raises(ValidationError, match="'a' and 'b' overlap"):
        Tracks.model_validate({"phases": phases})


def rows(*parts: tuple[int, int, int]) -> np.ndarray:
    return np.array([(*part, 1.0) for part in parts], dtype=ROW)


LENGTHS = np.array([8, 8, 4])


def test_pieces_that_make_whole_sequences_are_the_same_multiset_as_the_whole():
    pieces = rows((2, 0, 4), (0, 4, 4), (0, 0, 4))
    assert multiset_of(pieces, LENGTHS) == multiset_digest(np.array([0, 2]))


@pytest.mark.parametrize(
    "parts",
    [
        [(0, 0, 4), (2, 0, 4)],  # a tail is missing
        [(0, 4, 4), (2, 0, 4)],  # a head is missing
        [(0, 0, 4), (0, 0, 4), (2, 0, 4)],  # the head twice
        [(0, 0, 8), (0, 0, 4), (2, 0, 4)],  # whole, and a part again
    ],
)
def test_other_parts_are_another_multiset(parts):
    assert multiset_of(rows(*parts), LENGTHS) != multiset_digest(np.array([0, 2]))


def test_repeated_whole_sequences_count_as_often_as_they_are_shown():
    twice = rows((2, 0, 4), (2, 0, 4))
    assert multiset_of(twice, LENGTHS) == multiset_digest(np.array([2, 2])) != multiset_digest(np.array([2]))

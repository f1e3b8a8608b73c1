"""How fast a job goes and how long it will take."""

import pytest

from chimera.jobs.models import Job, State
from chimera.jobs.rate import WINDOW_SECONDS, Rate


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_nothing_is_said_at_first_then_units_a_second(clock):
    rate = Rate(clock)
    assert rate.add(0, 100, "documents") is None
    clock.now += 1
    assert rate.add(10, 100, "documents") is None
    clock.now += 1
    assert rate.add(20, 100, "documents") == 10


def test_only_the_last_half_minute_counts(clock):
    rate = Rate(clock)
    for second in range(200):
        clock.now += 1
        found = rate.add(second if second < 100 else 100 + (second - 100) * 5, 1000, "steps")
    assert found == pytest.approx(5)
    assert WINDOW_SECONDS == 30


def test_another_stage_starts_anew(clock):
    rate = Rate(clock)
    rate.add(0, 10, "shards")
    clock.now += 5
    assert rate.add(10, 10, "shards") == 2
    assert rate.add(0, 50, "documents") is None
    clock.now += 5
    assert rate.add(20, 50, "documents") == 4
    assert rate.add(3, 50, "documents") is None


def test_what_is_left_is_told_while_it_runs():
    job = Job(state=State.RUNNING, done=40, total=100, rate=20.0)
    assert job.seconds_left == 3
    job.state = State.SUCCEEDED
    assert job.seconds_left is None
    assert Job(state=State.RUNNING, done=0, total=None, rate=2.0).seconds_left is None

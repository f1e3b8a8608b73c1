"""The benchmark of memory: its files are what they are called, and a child measures itself."""

import pytest

from benchmarks import memory


@pytest.mark.parametrize("kind", ["jsonl", "jsonl.zst", "parquet", "filters"])
def test_a_run_is_measured_in_a_process_of_its_own(kind):
    assert 0 < memory.peak(kind, 100_000) < 500


def test_records_hold_the_size_that_was_asked_for():
    found = list(memory.records(10_000))
    assert 10_000 <= sum(len(record["text"]) for record in found) < 13_000
    assert len({record["id"] for record in found}) == len(found)

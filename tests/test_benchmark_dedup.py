"""The near-duplicate benchmark: planted copies, all sides, and its figures on a small corpus."""

from benchmarks import __main__ as command
from benchmarks import dedup


def test_it_is_listed():
    assert command.discover()["dedup"] is dedup


def test_all_sides_find_the_planted_copies():
    documents = dedup.made_up_corpus(60, seed=0)
    similar = {(n - 1, n) for n in range(4, 60, 5) if dedup.similarity(documents, n, n - 1) >= 0.8}
    sides = [dedup.engine_side(engine) for engine in ("bands", "datasketch")]
    found = {tuple(sorted((duplicate.removed, duplicate.kept))) for duplicate in sides[0](documents)}
    missed, below = dedup.accuracy(documents)
    assert found <= similar and len(similar) - 1 <= len(found)
    assert missed == (len(similar) - len(found)) / len(similar) and below == 0
    assert dedup.datasketch_side(documents) >= len(found)
    assert dedup.disagreements(sides, documents) == 0


def test_disagreements_are_counted():
    documents = dedup.made_up_corpus(30, seed=0)
    side = dedup.engine_side("bands")
    assert dedup.disagreements([side, lambda _: []], documents) == len(side(documents)) > 0


def test_the_sides_take_turns_over_the_parts():
    sides = [dedup.engine_side("bands"), dedup.datasketch_side]
    ours, peer = dedup.take_turns(sides, [dedup.made_up_corpus(10, seed) for seed in range(2)])
    assert len(ours) == len(peer) == 2 and all(seconds > 0 for seconds in peer)


def test_the_exponent_of_a_side_that_takes_time_by_the_document_is_one(monkeypatch):
    monkeypatch.setattr(dedup, "clock", lambda side, documents: len(documents) / 1000)
    assert abs(dedup.exponent(10, 100) - 1) < 1e-9


def test_the_peak_of_memory_does_not_fall():
    before = dedup.peak_bytes()
    assert dedup.memory_of_search(20) >= 0 and dedup.peak_bytes() >= before > 1 << 20

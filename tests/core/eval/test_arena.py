"""The arena's order: what is certain counts, not what is large; nothing is left out."""

from __future__ import annotations

from typing import Any

from curriculum_app.core.claims import Claim
from curriculum_app.core.policies.base import POLICIES
from eval_app.core.arena import WIDTH, Entry, by_method, ranked, reach


def entry(arm: str, mean: float | None, width: float = 0.01, **more: Any) -> Entry:
    ends = {} if mean is None else {"mean": mean, "low": mean - width, "high": mean + width}
    said = {"method": arm, "study": 1, "question": "?", "against": "shuffled", "word": "cannot tell"}
    return Entry(**said | {"arm": arm, **ends} | more)


def test_the_pessimistic_end_decides_the_order_and_losers_stay() -> None:
    large = entry("large but wide", -0.10, width=0.2)
    sure = entry("small and sure", -0.02, width=0.005)
    lost, unknown = entry("lost", 0.05), entry("unknown", None)
    twice = entry("twice the tokens", -0.5, word="yardstick")
    names = [each.arm for each in ranked([unknown, twice, lost, large, sure])]
    assert names == ["small and sure", "lost", "large but wide", "unknown", "twice the tokens"]


def test_more_may_be_better() -> None:
    accuracy = entry("accuracy", 0.05, width=0.01, better="higher", unit="accuracy")
    assert accuracy.least == 0.04 and entry("loss", -0.05).least == 0.04
    assert entry("nothing", None).least == float("-inf")


def test_methods_follow_their_best_entry_and_count_no_reproduction() -> None:
    claim = Claim("more", "somewhere", "a paper")
    rows = [
        entry("a", -0.01, method="hard"), entry("b", -0.05, method="easy", word="better"),
        entry("c", 0.05, method="easy", word="worse"), entry("d", -0.05, method="easy", word="better", repeats=1),
    ]  # fmt: skip
    methods = by_method(rows, {"easy": "Easy to hard"}, {"easy": claim})
    assert [(each.title, each.claim) for each in methods] == [("Easy to hard", claim), ("hard", None)]
    assert methods[0].tally == {"better": 1, "worse": 1} and len(methods[0].entries) == 3


def test_strips_of_one_unit_have_one_scale_with_zero_in_the_middle() -> None:
    rows = [entry("a", -0.09, width=0.01), entry("b", 0.0, width=0.05), entry("c", 5.0, unit="points")]
    marks = [reach(each, rows) for each in rows]
    assert marks[0] and marks[1] and marks[2]
    assert marks[1].mean == WIDTH / 2 and marks[0].low < marks[0].mean < marks[0].high < WIDTH / 2
    assert abs((marks[1].high - WIDTH / 2) - (WIDTH / 2 - marks[0].low) / 2) < 0.11
    assert marks[2].high <= WIDTH and reach(entry("none", None), rows) is None


def test_claims_are_numbers_with_a_source() -> None:
    claims = {each.key: each.cls.claim for each in POLICIES}
    assert claims["shuffle"] is None and claims["easy_to_hard"] is None
    for claim in filter(None, claims.values()):
        assert any(letter.isdigit() for letter in claim.effect) and "arXiv" in claim.source and claim.setting
    assert claims["metadata_conditioning"] is not None and "33 %" in claims["metadata_conditioning"].effect

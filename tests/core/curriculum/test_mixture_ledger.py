"""The mixture ledger against its worked example, and what it refuses."""

from decimal import Decimal

import pytest

from chimera.errors import InputError
from curriculum_app.core.mixture_ledger import Target, ledger, share_of
from curriculum_app.core.mixture_templates import TEMPLATES

UNIQUE = {"web": ("0.70", 400_000), "hq": ("0.15", 300_000), "code": ("0.05", 10_000), "paired": ("0.10", 100_000)}
TARGETS = [Target(name, Decimal(share), unique) for name, (share, unique) in UNIQUE.items()]


def test_the_worked_example() -> None:
    found = ledger(TARGETS, 1_000_000)
    assert [line.need for line in found.lines] == [700_000, 150_000, 50_000, 100_000]
    assert [line.epochs for line in found.lines] == [Decimal(text) for text in ("1.75", "0.5", "5", "1")]
    assert [line.level for line in found.lines] == ["repeated", "unique", "too often", "unique"]
    assert [(best.epochs, best.tokens, best.binding) for best in found.largest] == [
        (1, 200_000, "code"),
        (4, 800_000, "code"),
    ]


def test_a_source_that_was_not_counted_leaves_the_largest_budget_open() -> None:
    found = ledger([TARGETS[0], Target("x", Decimal("0.3"), None)], 10)
    assert found.largest == [] and [line.level for line in found.lines] == ["unique", "unknown"]
    assert found.lines[1].epochs is None
    asked_nothing = ledger([Target("all", Decimal(1), 5), Target("x", Decimal(0), None)], 10)
    assert asked_nothing.largest[0].tokens == 5 and asked_nothing.lines[1].level == "unique"


def test_a_source_without_a_token_can_fill_nothing() -> None:
    found = ledger([Target("none", Decimal(1), 0)], 10)
    assert found.lines[0].level == "too often" and found.largest[1].tokens == 0


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda template: template.key)
def test_the_shares_of_a_template_add_up_exactly(template) -> None:
    targets = [Target(name, share_of(share), 1) for name, share in template.shares.items()]
    assert sum(line.need for line in ledger(targets, 10_000).lines) == 10_000


@pytest.mark.parametrize(("shares", "said"), [(["0.7", "0.2"], "0.9"), (["0.7", "0.3", "0.00000001"], "1.00000001")])
def test_shares_that_do_not_add_up_are_refused_with_their_sum(shares: list[str], said: str) -> None:
    with pytest.raises(InputError, match=f"add up to {said}, not to 1"):
        ledger([Target(str(n), Decimal(share), 1) for n, share in enumerate(shares)], 10)
    thirds = [Target(str(n), Decimal("0.3333333333"), 1) for n in range(3)]
    assert ledger(thirds, 3).lines[0].need == 1, "within a billionth"


def test_rows_need_names_of_their_own() -> None:
    with pytest.raises(InputError, match="two rows are called 'web'"):
        ledger([TARGETS[0], TARGETS[0]], 1)
    with pytest.raises(InputError, match="no rows"):
        ledger([], 1)


@pytest.mark.parametrize(("text", "share"), [("0.15", "0.15"), ("15 %", "0.15"), (" 5%", "0.05"), ("0,5", "0.5")])
def test_a_share_is_written_as_a_decimal_or_in_percent(text: str, share: str) -> None:
    assert share_of(text) == Decimal(share)


@pytest.mark.parametrize("text", ["", "x", "nan", "1.5", "-0.1", "101 %", "inf", "1e-99999999999999999999"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"share|between 0 and 1"):
        share_of(text, "rows.0.share")

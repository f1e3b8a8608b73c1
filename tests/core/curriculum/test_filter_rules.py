"""What rules measure, on which side their bounds lie, and where in a text they see what speaks against it."""

from typing import Any

import pytest

from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, FilterChoice, Measured
from curriculum_app.core.pipeline import Chain, merge_funnels


def measure(key: str, text: str, **config: Any) -> dict[str, Measured]:
    return {item.reason: item for item in FILTERS.build(key, config).measure(Document("1", text, "web"))}


def marked(key: str, text: str, reason: str, **config: Any) -> list[str]:
    found = FILTERS.build(key, config).passages(Document("1", text, "web"), reason)
    return [text[start:end] for start, end in found]


@pytest.mark.parametrize(
    ("item", "passes"),
    [
        (Measured.at_least("r", 2, "f", 2), True),
        (Measured.at_least("r", 2, "f", 2, strict=True), False),
        (Measured.at_least("r", 1.9, "f", 2), False),
        (Measured.at_most("r", 2, "f", 2), True),
        (Measured.at_most("r", 2, "f", 2, strict=True), False),
        (Measured.at_most("r", 2.1, "f", 2), False),
        (Measured.at_most("r", 99, "f", None), True),
    ],
)
def test_a_bound_is_allowed_itself_unless_it_is_strict(item: Measured, passes: bool) -> None:
    assert item.passes is passes


def test_all_rules_are_measured_although_the_first_ones_fail() -> None:
    text = "one two three one two four one two five one two six"
    found = measure("gopher_repetition", text, top_2_gram=None)
    assert len(found) == 13 and found["top_2_gram"].passes
    assert found["top_2_gram"].statistic == 4 * len("one two") / len(text)
    assert (found["top_2_gram"].side, found["top_2_gram"].most) == ("most", None)


def test_c4_counts_sentences_of_the_lines_it_keeps_and_its_transform_ignores_its_rules() -> None:
    text = "One is here. Two is here.\nWe use cookies on this site.\nif (x) { y } is code\nLorem ipsum dolor sit."
    found = measure("c4", text)
    assert list(found) == ["curly_bracket", "lorem_ipsum", "too_few_sentences"]
    assert [item.statistic for item in found.values()] == [1, 1, 4]
    after = FILTERS.build("c4").transform(Document("1", text, "web"))
    assert after.text == text.replace("We use cookies on this site.\n", "")


@pytest.mark.parametrize(
    ("key", "reason", "text", "expected"),
    [
        ("gopher_quality", "gopher_too_many_hashes", "a ## b #", ["##", "#"]),
        ("gopher_quality", "gopher_too_many_bullets", "- a\nb\n • c", ["- a", " • c"]),
        ("gopher_quality", "gopher_too_many_end_ellipsis", "a...\nb\nc…", ["a...", "c…"]),
        ("gopher_quality", "gopher_below_alpha_threshold", "in 1999 , then", ["1999", ","]),
        ("gopher_quality", "gopher_enough_stop_words", "The cat and the dog", ["and", "the"]),
        ("gopher_quality", "gopher_short_doc", "a b", []),
        ("gopher_repetition", "dup_line_frac", "same\nx\nsame\nsame", ["same", "same"]),
        ("gopher_repetition", "dup_para_frac", "A b.\n\nC.\n\nA b.", ["A b."]),
        ("gopher_repetition", "top_2_gram", "one two three one two", ["one two", "one two"]),
        ("gopher_repetition", "duplicated_5_n_grams", "a b c d e " * 2, ["a b c d e"]),
        ("c4", "curly_bracket", "if { x }", ["{"]),
        ("c4", "lorem_ipsum", "So: Lorem Ipsum dolor", ["Lorem Ipsum"]),
        ("c4", "too_few_sentences", "A line is here.\nTwo words\nEnable javascript now please.", ["A line is here."]),
        ("fineweb", "line_punct_ratio", "Ends.\nDoes not\n\n", ["Does not"]),
        ("fineweb", "short_line_ratio", "Short.\n" + "x" * 31, ["Short."]),
        ("fineweb", "char_dup_ratio", "a\n\nb\na", ["a"]),
        (
            "machine_text",
            "assistant_lines",
            "Fine.\nAs an AI language model, I do.",
            ["As an AI language model, I do."],
        ),
        ("machine_text", "assistant_opening", "\nSure! Here it is\nText", ["Sure! Here it is"]),
        ("machine_text", "chat_page", "Text\nRegenerate response", ["Regenerate response"]),
        ("python_parse", "syntax_error", "x = 1\ndef f(:\n", ["def f(:"]),
    ],
)
def test_passages_are_what_the_rule_speaks_of(key: str, reason: str, text: str, expected: list[str]) -> None:
    assert marked(key, text, reason) == expected


def test_documents_without_a_url_are_counted_in_the_funnel() -> None:
    chains = [Chain([FilterChoice(key="url", config={"domains": ["bad.com"]})]) for _ in range(2)]
    for chain in chains:
        for url in ("", "https://bad.com/", "https://good.com/"):
            chain.judge(Document("1", "text", "web", url=url))
    total = merge_funnels({"web": chain.counts()} for chain in chains)["web"][0]
    assert (total["in"], total["out"], total["reasons"], total["notes"]) == (6, 4, {"domain": 2}, {"no_url": 2})

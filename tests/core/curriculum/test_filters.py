"""Filters against the worked examples of their papers' reference code, and against datatrove's own classes."""

import json
from pathlib import Path
from typing import Any

import pytest

from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, Drop, Keep
from curriculum_app.core.words import split_words

GOLDEN = [json.loads(line) for line in (Path(__file__).parents[2] / "fixtures/curation_golden.jsonl").open()]
S = "The quick brown fox jumps over the lazy dog and it is happy to be with that friend of mine. "


def judge(key: str, text: str, content: str = "text", **config: Any) -> Keep | Drop:
    return FILTERS.build(key, config).judge(Document("1", text, "web", content=content))  # type: ignore[arg-type]


def reason(key: str, text: str, **config: Any) -> str:
    verdict = judge(key, text, **config)
    return verdict.reason if isinstance(verdict, Drop) else "keep"


def kept(key: str, text: str, content: str = "text", **config: Any) -> Document:
    verdict = judge(key, text, content, **config)
    assert isinstance(verdict, Keep), verdict
    return verdict.document


# -- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", [record["text"] for record in GOLDEN] + ["", " \n", "a  b\t c", "can't e.g. U.S. 3.5%"]
)
def test_spacy_words_are_datatroves(text: str) -> None:
    from datatrove.utils.text import split_into_words

    assert split_words(text, "spacy") == split_into_words(text)


def test_the_word_that_breaks_spacy_is_survived() -> None:
    assert split_words("IS_ALPHA ORTH", "spacy") == ["is_alpha", "ORTH"]


def test_regex_words() -> None:
    assert split_words("It's 3.5, ok", "regex") == ["It's", "3", ".", "5", ",", "ok"]


# -- extract ---------------------------------------------------------------------------------------------------------

PAGE = (
    "<html><head><title>T</title></head><body><nav><a href='/'>Home</a> <a href='/about'>About</a></nav><article>"
    "<h1>Gradient descent</h1><p>Gradient descent is an iterative method for finding a local minimum of a "
    "differentiable function.</p><p>It takes repeated steps in the opposite direction of the gradient at the current "
    "point.</p></article><footer>Copyright 2024. Terms of use.</footer></body></html>"
)


def test_extraction_keeps_the_article_and_its_title() -> None:
    document = kept("extract", PAGE, "html")
    assert document.text == (
        "Gradient descent\nGradient descent is an iterative method for finding a local minimum of a differentiable "
        "function.\nIt takes repeated steps in the opposite direction of the gradient at the current point."
    )
    assert (document.title, document.content) == ("T", "text")


def test_extraction_does_not_depend_on_pages_seen_before() -> None:
    page = PAGE.replace("point.", "point. " + S * 5)
    assert len({kept("extract", page, "html").text for _ in range(6)}) == 1


def test_pages_without_text_are_dropped_and_plain_text_passes() -> None:
    assert judge("extract", "<html><body></body></html>", "html") == Drop("no_text")
    assert kept("extract", "<b>not html</b>").text == "<b>not html</b>"


# -- normalise, language, length --------------------------------------------------------------------------------------


def test_normalise_repairs_mojibake_and_composes() -> None:
    assert kept("normalise", "schÃ¶n").text == "schön"
    assert kept("normalise", "e\u0301").text == "é"


@pytest.mark.parametrize(
    "text, expected, score",
    [
        (S.strip(), "keep", 0.9640),
        ("Le renard brun saute par-dessus le chien paresseux et il est content.", "language_fr", 0.8000),
        ("Bonjour my friend, comment are you doing aujourd'hui?", "language_uncertain", 0.3706),
    ],
)
def test_language_scores_of_the_compressed_model(text: str, expected: str, score: float) -> None:
    verdict = judge("language", text, languages=["en"], max_chars=80)
    assert reason("language", text, languages=["en"], max_chars=80) == expected
    found = verdict.statistic if isinstance(verdict, Drop) else verdict.document.meta["language_score"]
    assert found == pytest.approx(score, abs=0.01)


def test_language_looks_beyond_the_first_80_characters_and_is_remembered() -> None:
    mixed = "Le renard brun saute par-dessus le chien paresseux et il est content. " + S * 20
    assert reason("language", mixed, languages=["en"], max_chars=70) == "language_fr"
    assert kept("language", mixed, languages=["en"]).meta["language"] == "en"
    assert (
        kept("language", "Le renard brun saute par-dessus le chien paresseux et il est content.").meta["language"]
        == "fr"
    )


@pytest.mark.parametrize("length, expected", [(199, "too_short"), (200, "keep")])
def test_minimum_length_counts_cleaned_characters(length: int, expected: str) -> None:
    assert reason("min_length", "!?  " + "x" * length + " ...") == expected


def test_length_bounds_are_inclusive() -> None:
    assert [reason("length", "x" * n, min_chars=2, max_chars=3) for n in (1, 2, 3, 4)] == [
        "too_short", "keep", "keep", "too_long",
    ]  # fmt: skip


def test_python_that_does_not_parse_is_dropped_with_its_line() -> None:
    assert judge("python_parse", "x = 1\ndef f(:\n") == Drop("syntax_error", 2.0)
    assert reason("python_parse", "x = '\\d'\n") == "keep"
    assert reason("python_parse", "x\0") in ("unparsable", "syntax_error")
    assert reason("python_parse", "(" * 5000) in ("unparsable", "syntax_error")


# -- Gopher ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, expected",
    [
        ("the of " * 20, "gopher_short_doc"),
        (S * 5, "keep"),
        ("Cats chase mice daily. " * 20, "gopher_enough_stop_words"),
        ("a b to of " * 30, "gopher_below_avg_threshold"),
        ((S + "# # # ") * 5, "gopher_too_many_hashes"),
        ("\n".join(["- " + S] * 10), "gopher_too_many_bullets"),
        ("\n".join([S.strip() + "..."] * 10), "gopher_too_many_end_ellipsis"),
        ("the of 123 456 789 1000 " * 20, "gopher_below_alpha_threshold"),
        ("", "gopher_short_doc"),
    ],
)
def test_gopher_quality_reasons(text: str, expected: str) -> None:
    assert reason("gopher_quality", text) == expected


def test_an_emptied_threshold_switches_the_rule_off() -> None:
    numbers = "the of 123 456 789 1000 " * 20
    assert reason("gopher_quality", numbers, min_alpha_words=None) == "keep"
    assert reason("gopher_quality", "", min_words=None) == "keep"


@pytest.mark.parametrize(
    "text, expected",
    [
        ("A para here.\n\n" * 4 + "Another one.", "dup_para_frac"),
        ("same line\n" * 3 + "x\ny", "dup_line_frac"),
        ("one two three one two four one two five one two six", "top_2_gram"),
        ("Every sentence in this little text differs from all of the others, which keeps ratios low.", "top_3_gram"),
        ("", "empty"),
    ],
)
def test_gopher_repetition_reasons(text: str, expected: str) -> None:
    assert reason("gopher_repetition", text) == expected


def test_the_statistic_is_the_measured_share() -> None:
    text = "one two three one two four one two five one two six"
    verdict = judge("gopher_repetition", text)
    assert verdict == Drop("top_2_gram", 4 * len("one two") / len(text))


# -- C4 and FineWeb ---------------------------------------------------------------------------------------------------


def test_c4_keeps_the_lines_that_are_sentences() -> None:
    lines = [
        "First sentence is here. Second one too.",
        "No terminal punct",
        "Please enable JavaScript now.",
        "We use cookies on this site.",
        "Third sentence[1] is here. Fourth follows now. Fifth ends it.",
        "Hi there.",
    ]
    assert kept("c4", "\n".join(lines), terminal_punctuation=True).text == (
        "First sentence is here. Second one too.\nThird sentence is here. Fourth follows now. Fifth ends it."
    )


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Lorem ipsum dolor sit. " * 6, "lorem_ipsum"),
        ("if (x) { y } is code", "curly_bracket"),
        (S, "too_few_sentences"),
    ],
)
def test_c4_drops_pages(text: str, expected: str) -> None:
    assert reason("c4", text) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("\n\n", "empty"),
        (
            "A long line without any punctuation at its end at all\nAnother such long line without punctuation",
            "line_punct_ratio",
        ),
        ("Short.\nTiny.\nWee.\nA much longer line that ends with a period.", "short_line_ratio"),
        ("A long line which ends with a full stop and repeats.\n" * 2, "char_dup_ratio"),
        ("\n".join(f"abcdefghijklmnopqrstuvwxyzabcdefghij{i}." for i in range(5)), "list_ratio"),
    ],
)
def test_fineweb_reasons(text: str, expected: str) -> None:
    assert reason("fineweb", text) == expected


# -- personal data -----------------------------------------------------------------------------------------------------

ADDRESSES = "mail a.b+c@ex-ample.co.uk or x@y.org; ip 8.8.8.8, 192.168.1.1, 1.1.1.1; v 1.2.3.4.5; 256.1.1.1"


def test_redaction_without_strict_is_finewebs() -> None:
    assert kept("pii", ADDRESSES, strict=False).text == (
        "mail email@example.com or firstname.lastname@example.org; ip 22.214.171.124, 192.168.1.1, 126.96.36.199; "
        "v 188.8.131.52.5; 2184.108.40.206"
    )


def test_strict_redaction_spares_version_numbers_but_not_the_end_of_a_sentence() -> None:
    assert kept("pii", ADDRESSES + ". Ask 9.9.9.9.").text == (
        "mail email@example.com or firstname.lastname@example.org; ip 22.214.171.124, 192.168.1.1, 126.96.36.199; "
        "v 1.2.3.4.5; 256.1.1.1. Ask 188.8.131.52."
    )


def test_redaction_starts_anew_with_every_document() -> None:
    step = FILTERS.build("pii")
    texts = [step.judge(Document("1", "to a@b.org", "x")) for _ in range(3)]
    assert {verdict.document.text for verdict in texts if isinstance(verdict, Keep)} == {"to email@example.com"}


# -- against the reference implementation ------------------------------------------------------------------------------

TEXTS = [record["text"] for record in GOLDEN] + [
    S * 5,
    "the of " * 20,
    "same line\n" * 3 + "x\ny",
    S.replace(". ", ".\n") * 6,
]


@pytest.mark.parametrize("text", TEXTS)
def test_the_four_quality_filters_agree_with_datatrove(text: str) -> None:
    from datatrove.data import Document as Reference
    from datatrove.pipeline import filters as reference

    pairs = {
        "gopher_repetition": reference.GopherRepetitionFilter(),
        "gopher_quality": reference.GopherQualityFilter(),
        "c4": reference.C4QualityFilter(filter_no_terminal_punct=False),
        "fineweb": reference.FineWebQualityFilter(),
    }
    for key, theirs in pairs.items():
        document = Reference(text=text, id="1")
        verdict = theirs.filter(document)
        expected = verdict[1] if isinstance(verdict, tuple) else "keep"
        assert reason(key, text) == expected, key
        if expected == "keep":
            assert kept(key, text).text == document.text

"""Curricula as YAML: exact round trips, and errors that say where."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chimera.errors import InputError, Problem
from curriculum_app.core.curriculum_file import MAX_BYTES, exported, read

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**20), 10**20)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=25)
@given(WORDS, st.dictionaries(WORDS, VALUES, max_size=5))
def test_what_is_written_is_read_back_exactly(name, config):
    value = read(exported(name, "drawn", config, None).encode()).value
    assert value == {"name": name, "policy": {"key": "drawn", "config": config}}
    assert repr(value) == repr({"name": name, "policy": {"key": "drawn", "config": config}})  # 1 is not 1.0


@pytest.mark.parametrize(
    "word", ["no", "on", "1e5", "1:30", "010", "null", "~", "2026-01-01", "=", "0x10", ".nan", "- a"]
)
def test_words_that_look_like_something_else_stay_words(word):
    assert read(exported(word, "p", {word: word}, 5).encode()).value == {
        "name": word,
        "policy": {"key": "p", "config": {word: word}},
        "budget_tokens": 5,
    }


def test_a_file_written_by_hand_means_what_it_looks_like():
    text = "name: mix\npolicy:\n  key: drawn\n  config: {start: 1e-3, language: no, count: 010, day: 2026-01-01}\n"
    assert read(text.encode()).value["policy"]["config"] == {
        "start": 0.001,
        "language": "no",
        "count": "010",
        "day": "2026-01-01",
    }


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ("name: a\nname: b\n", "given twice", 2),
        ("name: &a x\npolicy: *a\n", "aliases are not read", 2),
        ("name: [a\npolicy: {\n", "expected", 2),
        ("name: !!python/object:os.system x\n", "could not determine a constructor", 1),
        ("- 1\n", "must be a mapping", 1),
        ("", "must be a mapping", 1),
        ("name: a\nformat: chimera-curriculum/9\n", "of the format", 2),
        ("name: a\n? [1, 2]\n: b\n", "must be a word", 2),
        ("[" * 1500, "nested too deeply", None),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(text, said, line):
    with pytest.raises(InputError) as refused:
        read(text.encode(), "mix.yaml")
    problem = refused.value.problems[0]
    assert said in problem.message and (problem.file, problem.line) == ("mix.yaml", line)


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"name: \x00", b"a" * (MAX_BYTES + 1)])
def test_what_is_no_text_or_too_large_is_refused(data):
    with pytest.raises(InputError, match=r"mix\.yaml"):
        read(data, "mix.yaml")


def test_a_problem_is_told_at_the_line_of_its_field():
    file = read(b"name: a\npolicy:\n  key: drawn\n  config:\n    knots:\n    - at: 0\n    - at: 2\n", "mix.yaml")
    fields = ["policy.config.knots.1.at", "policy.config.knots[1].shares", "policy.config.grouping", "budget_tokens"]
    assert [problem.line for problem in file.located([Problem("x", field) for field in fields])] == [7, 7, 4, 1]

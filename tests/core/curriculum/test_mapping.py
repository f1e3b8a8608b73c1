"""The mapping of an import: what keys, fixed values, templates, casts and defaults give, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from chimera.context import LocalContext
from chimera.errors import InputError, Problem, problems_of
from curriculum_app.core.configs import ImportConfig
from curriculum_app.core.configs_mapping import NotCastable, cast_value, described, parts_of
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.jobs import import_
from curriculum_app.core.readers.base import Bad, Raw
from curriculum_app.core.readers.mapping import Mapper


def config(mapping: Any, **settings: Any) -> ImportConfig:
    return ImportConfig.model_validate({"name": "x", "path": "y", "mapping": mapping, **settings})


def mapped(mapping: Any, record: dict[str, Any]) -> Any:
    return Mapper(config(mapping)).document(Raw(7, record), "fallback")


def refused(mapping: Any) -> list[Problem]:
    with pytest.raises(ValidationError) as caught:
        config(mapping)
    return problems_of(caught.value)


def run(tmp_path: Path, content: bytes, suffix: str, mapping: Any, **settings: Any) -> DatasetVersion:
    (tmp_path / f"a{suffix}").write_bytes(content)
    raw = {"name": "x", "path": str(tmp_path / f"a{suffix}"), "mapping": mapping, **settings}
    return DatasetVersion.open(
        import_.run(ImportConfig.model_validate(raw), LocalContext(tmp_path / "work")).stored
    )  # fmt: skip


def test_conformance_a_csv_row_with_a_quoted_line_break(tmp_path: Path) -> None:
    version = run(tmp_path, b'id,body\n7,"a,b\nc"\n', ".csv", {"text": "body", "id": "id"})
    assert [(document.id, document.text) for document in version.iter_documents()] == [("7", "a,b\nc")]


def test_conformance_an_empty_text_is_left_out_and_counted(tmp_path: Path) -> None:
    version = run(
        tmp_path, b'{"text": ""}\n{"text": "kept"}\n', ".jsonl", {"text": "text"}, max_bad_fraction=0.5
    )  # fmt: skip
    assert version.num_documents == 1
    assert version.manifest["quarantine"] == {"records": 1, "reasons": {"text is empty": 1}}


def test_a_template_joins_keys_and_leaves_out_what_a_record_lacks() -> None:
    mapping = {"text": {"template": "{title}\n\n{body.text}"}}
    whole = mapped(mapping, {"title": "Rain", "body": {"text": "It falls."}})
    assert whole.text == "Rain\n\nIt falls."
    assert mapped(mapping, {"body": {"text": "It falls."}}).text == "It falls."
    assert mapped(mapping, {"other": 1}).reason == "no key 'title' or 'body.text'"
    wrong = mapped(mapping, {"title": ["a"]})
    assert isinstance(wrong, Bad)
    assert (wrong.line, wrong.field, wrong.reason) == (7, "text", "text needs text, but title is a list")


def test_doubled_braces_are_braces() -> None:
    assert parts_of("{{a}} {b}") == [("{", False), ("a}", False), (" ", False), ("b", True)]
    assert mapped({"text": {"template": "{{{a}}}"}}, {"a": 5}).text == "{5}"


def test_fixed_values_and_defaults() -> None:
    mapping = {"text": "t", "license": {"const": "MIT"}, "year": {"from": "y", "cast": "int", "default": "1999"}}
    document = mapped(mapping, {"t": "x"})
    assert (document.license, document.meta) == ("MIT", {"year": 1999})
    assert mapped(mapping, {"t": "x", "y": " 2024 "}).meta == {"year": 2024}
    bad = mapped(mapping, {"t": "x", "y": "many"})
    assert (bad.line, bad.field, bad.reason) == (7, "year", "year is no int")
    mapper = Mapper(config(mapping))
    mapper.document(Raw(1, {"u": 1}), "f")
    assert mapper.unmatched() == ["text"]


@pytest.mark.parametrize(
    ("value", "cast", "gives"),
    [
        (5, "str", "5"),
        ("5", "int", 5),
        (5.0, "int", 5),
        ("0.25", "float", 0.25),
        ("Yes", "bool", True),
        (0, "bool", False),
        (["a", "b"], "join_lines", "a\nb"),
        (["a", "b"], "join_commas", "a, b"),
        ("a", "join_commas", "a"),
        ([1], "none", [1]),
    ],
)
def test_casts(value: Any, cast: Any, gives: Any) -> None:
    made = cast_value(value, cast)
    assert made == gives and type(made) is type(gives)


@pytest.mark.parametrize(
    ("value", "cast"),
    [
        ([1], "str"),
        (5.5, "int"),
        ("x", "int"),
        ("nan", "float"),
        (None, "float"),
        ("maybe", "bool"),
        ([1], "join_lines"),
        (1e400, "int"),
    ],
)
def test_what_a_cast_cannot_make(value: Any, cast: Any) -> None:
    with pytest.raises(NotCastable):
        cast_value(value, cast)


@pytest.mark.parametrize(
    ("rule", "field", "words"),
    [
        ({}, "mapping.title", "exactly one of from, const and template"),
        ({"from": "a", "const": "b"}, "mapping.title", "exactly one"),
        ({"from": "a", "cast": "date"}, "mapping.title.cast", "Input should be 'none'"),
        ({"frm": "a"}, "mapping.title.frm", "Extra inputs"),
        ({"key": "a"}, "mapping.title.key", "Extra inputs"),
        ({"template": "{a"}, "mapping.title", "a single { at character 1"),
        ({"template": "plain"}, "mapping.title", "names no key"),
        ({"from": "a", "cast": "int", "default": "many"}, "mapping.title", "is no int"),
        ({"const": "a", "default": "b"}, "mapping.title", "needs no default"),
        (5, "mapping.title", "must be a key, or an object"),
        ("", "mapping", "empty name or key"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_by_target(rule: Any, field: str, words: str) -> None:
    problem = refused({"text": "t", "title": rule})[0]
    assert problem.field == field and words in problem.message


def test_every_wrong_target_is_named() -> None:
    assert [problem.field for problem in refused({"text": {}, "id": 5})] == ["mapping.text", "mapping.id"]


def test_an_object_that_says_only_a_key_is_that_key() -> None:
    plain, same = config({"text": "body"}), config({"text": {"from": "body", "cast": "none", "default": None}})
    assert same.mapping == {"text": "body"} and same.fingerprint() == plain.fingerprint()


def test_a_config_says_only_what_was_said_and_survives_json() -> None:
    made = config({"text": {"from": "body", "cast": "str"}, "license": {"const": "MIT"}})
    said = made.as_json()["mapping"]
    assert said == {"text": {"from": "body", "cast": "str"}, "license": {"const": "MIT"}}
    assert ImportConfig.model_validate(json.loads(json.dumps(made.as_json()))) == made


def test_versions_of_plain_mappings_keep_their_ids(tmp_path: Path) -> None:
    version = run(tmp_path, b'{"id": 1, "body": "text"}\n', ".jsonl", {"id": "id", "text": "body"})
    assert version.manifest["recipe"]["params"]["mapping"] == {"id": "id", "text": "body"}
    assert version.digest == "e2f8e9d3a178c6962c1925eb7cdad7723716b7871564942023b45acb7ee922bc"


def test_a_richer_mapping_gives_another_version_and_stands_in_its_recipe(tmp_path: Path) -> None:
    mapping = {"text": {"template": "{title}: {body}"}, "tags": {"from": "tags", "cast": "join_commas"}}
    version = run(tmp_path, b'{"title": "a", "body": "b", "tags": ["x", "y"]}\n', ".jsonl", mapping)
    assert version.manifest["recipe"]["params"]["mapping"] == mapping
    (document,) = version.iter_documents()
    assert (document.text, document.meta) == ("a: b", {"tags": "x, y"})


def test_a_template_that_matches_nothing_names_its_keys(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        run(tmp_path, b'{"body": "b"}\n', ".jsonl", {"text": "body", "title": {"template": "{head}"}})
    (problem,) = caught.value.problems
    assert (problem.field, problem.message) == ("mapping.title", "no record has a key 'head'")
    assert described("a") == "key 'a'"

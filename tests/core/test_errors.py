"""Problems: where, what, and what to do; pydantic's errors and those of a chosen extension in one list."""

from pydantic import BaseModel, Field, ValidationError, field_validator

from chimera.errors import InputError, NestedProblems, Problem, problems_of


class Inner(BaseModel):
    depth: int = Field(ge=1)
    kind: str = "a"

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind != "a":
            raise NestedProblems([Problem("too low", "config.level", hint="raise it"), Problem("odd", "config.size")])
        return kind


class Outer(BaseModel):
    parts: list[Inner]


def problems(raw: object, prefix: str = "") -> list[Problem]:
    try:
        Outer.model_validate(raw)
    except ValidationError as error:
        return problems_of(error, prefix)
    return []


def test_a_problem_says_file_line_field_message_and_hint() -> None:
    assert str(Problem("no text", "mapping.text", "a.jsonl", 3, "name a key")) == (
        "a.jsonl:3: mapping.text: no text - name a key"
    )
    assert str(Problem("empty")) == "empty"


def test_fields_are_dotted_paths_below_the_prefix() -> None:
    found = problems({"parts": [{"depth": 1}, {"depth": 0}]}, prefix="config")
    assert found == [Problem("Input should be greater than or equal to 1", "config.parts.1.depth")]


def test_problems_of_an_extension_keep_their_fields_and_hints() -> None:
    assert problems({"parts": [{"depth": 1, "kind": "b"}]}) == [
        Problem("too low", "parts.0.kind.config.level", hint="raise it"),
        Problem("odd", "parts.0.kind.config.size"),
    ]


def test_an_input_error_reads_as_its_problems() -> None:
    assert str(InputError("no such thing", hint="look again")) == "no such thing - look again"
    assert str(InputError([Problem("one"), Problem("two")])) == "one\ntwo"

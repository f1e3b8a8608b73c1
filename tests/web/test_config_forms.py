"""Every config as a form: rendered, posted back, and wrong in the same words as everywhere."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

import pytest
from django.http import QueryDict
from pydantic import Field, ValidationError

from chimera.config_forms import ConfigForm, posted
from chimera.errors import InputError, problems_of
from chimera.form_shapes import offer, shape_of
from chimera.refs import Ref
from chimera.registry import Choice, Registry
from chimera.typed import Config
from curriculum_app.core.configs import ImportConfig


class Thing:
    ref_kind = "thing"


SHAPES: Registry[Any] = Registry("shape", "tests.web.no_package")
SHAPES._load = lambda: None  # type: ignore[method-assign]


@SHAPES.register("circle")
class Circle:
    title = "Circle"

    class Config(Config):
        radius: float = Field(1.0, gt=0, title="Radius")
        filled: bool = True


@SHAPES.register("square")
class Square:
    """A `square` with equal sides.

    Not shown.
    """

    title = "Square"

    class Config(Config):
        side: int = Field(2, ge=1)
        filled: bool = True


class ShapeChoice(Choice):
    @classmethod
    def registry(cls) -> Registry[Any]:
        return SHAPES


class Inner(Config):
    depth: int = Field(3, ge=1, le=9, title="Depth", description="How deep")
    fast: bool = False


class Outer(Config):
    name: str = Field(title="Name", min_length=2, description="What it is called")
    things: list[Ref[Thing]] = Field(title="Things", min_length=1)
    thing: Ref[Thing] | None = None
    mode: Literal["a", "b"] = "b"
    rate: float = Field(0.5, gt=0, lt=1)
    limit: int | None = Field(None, ge=1)
    seeds: list[int] = Field(default_factory=lambda: [1, 2])
    mapping: dict[str, str] = Field(default_factory=lambda: {"text": "body"})
    inner: Inner = Field(default_factory=lambda: Inner(depth=5), title="Inner part")
    shape: ShapeChoice = Field(default_factory=lambda: ShapeChoice(key="circle"), title="Shape")


def check(raw: Any) -> Config:
    try:
        return Outer.model_validate(raw)
    except ValidationError as error:
        raise InputError(problems_of(error)) from error


def form(data: QueryDict | None = None, initial: dict[str, Any] | None = None) -> ConfigForm:
    return ConfigForm(Outer, lambda kind: [(f"{kind}-{n}", f"Thing {n}") for n in (1, 2, 3)], check, data, initial)


CHOSEN = {"name": "one", "things": ["thing-1", "thing-3"]}


def filled(**changes: Any) -> QueryDict:
    data = posted(form(initial=CHOSEN))
    for name, value in changes.items():
        data.setlist(name.replace("__", "."), value if isinstance(value, list) else [value])
    return data


def test_a_form_posted_untouched_gives_the_config_it_was_made_from() -> None:
    bound = form(posted(form(initial=CHOSEN)))
    assert bound.is_valid(), bound.errors
    assert bound.config == Outer.model_validate(CHOSEN)


def test_values_arrive_with_their_types() -> None:
    changes = {"rate": "0.25", "limit": "7", "seeds": "3, 4,5", "inner__depth": "1", "shape__config__radius": "2.5"}
    data = filled(mode="a", mapping='{"text": "t"}', thing="thing-2", **changes)
    data.setlist("inner.fast", ["on"])
    data.setlist("shape.config.filled", [])
    bound = form(data)
    assert bound.is_valid(), bound.errors
    config = bound.config
    assert isinstance(config, Outer)
    assert (config.rate, config.limit, config.seeds, config.mode) == (0.25, 7, [3, 4, 5], "a")
    assert (config.inner.depth, config.inner.fast, config.thing) == (1, True, "thing-2")
    assert config.shape.config == {"radius": 2.5, "filled": False}


def test_labels_help_bounds_and_choices_come_from_the_config() -> None:
    html = str(form()["inner.depth"]) + str(form()["things"]) + str(form()["mode"]) + str(form()["name"])
    assert 'min="1"' in html and 'max="9"' in html and 'value="5"' in html and 'step="1"' in html
    assert "Thing 2" in html and 'value="b" selected' in html and "required" in html
    assert form()["name"].label == "Name" and form()["inner.depth"].help_text == "How deep"
    assert [section.title for section in form().sections()] == ["", "Inner part", "Shape"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("name", "", "Field required"),
        ("name", "x", "String should have at least 2 characters"),
        ("things", [], "List should have at least 1 item after validation, not 0"),
        ("things", "thing-x", "0: must name a thing, for example thing-1"),
        ("rate", "1", "Input should be less than 1"),
        ("rate", "much", "Input should be a valid number, unable to parse string as a number"),
        ("inner__depth", "0", "Input should be greater than or equal to 1"),
        ("mode", "c", "Input should be 'a' or 'b'"),
        ("seeds", "1, x", "1: Input should be a valid integer, unable to parse string as an integer"),
        ("mapping", "{", "is not JSON: Expecting property name enclosed in double quotes in line 1, column 2"),
    ],
)
def test_an_impossible_value_is_told_at_its_field_in_pydantics_words(name: str, value: Any, said: str) -> None:
    bound = form(filled(**{name: value}))
    assert not bound.is_valid()
    assert bound.errors == {name.replace("__", "."): [said]}


def test_a_setting_of_a_chosen_extension_is_told_at_its_field() -> None:
    bound = form(filled(shape__config__radius="-1"))
    assert not bound.is_valid()
    assert bound.errors == {"shape.config.radius": ["Input should be greater than 0"]}


def test_what_the_config_does_not_have_is_refused() -> None:
    bound = form(filled(nmae="x"))
    assert not bound.is_valid()
    assert bound.errors == {"__all__": ["nmae: Extra inputs are not permitted"]}


def test_choosing_another_kind_shows_its_settings_with_their_defaults_before_anything_starts() -> None:
    bound = form(filled(shape__key="square"))
    assert not bound.is_valid() and list(bound.errors) == ["shape.key"]
    assert bound["shape.config.side"].value() == "2" and bound["shape.config.filled"].value() is True
    again = form(posted(bound))
    assert again.is_valid(), again.errors
    assert isinstance(again.config, Outer) and again.config.shape.key == "square"


def test_an_unknown_kind_is_told_with_the_nearest() -> None:
    bound = form(filled(shape__key="cirlce"))
    assert not bound.is_valid() and "did you mean 'circle'?" in bound.errors["shape.key"][0]


class Drawing(Config):
    name: str = Field(title="Name")
    shape: ShapeChoice | None = Field(None, title="Shape", description="What is drawn")
    things: list[Ref[Thing]] = Field(default_factory=list)


class Book(Config):
    """More fields than are shown at once."""

    thing: Ref[Thing]
    things: list[Ref[Thing]]
    maybe: Ref[Thing] | None = None
    drawings: list[Drawing] = Field(title="Drawings")
    margins: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict, json_schema_extra={"key_title": "Side", "value_title": "Width"}
    )
    inner: Inner = Field(default_factory=Inner, title="Inner part")
    outer: Outer = Field(default_factory=lambda: Outer(name="nested", things=["thing-1"]), title="Outer part")


def book(data: QueryDict | None = None, number: int = 1) -> ConfigForm:
    def check_book(raw: Any) -> Config:
        try:
            return Book.model_validate(raw)
        except ValidationError as error:
            raise InputError(problems_of(error)) from error

    return ConfigForm(Book, lambda kind: [(f"{kind}-{n + 1}", "A thing") for n in range(number)], check_book, data)


def test_a_nested_list_is_described_with_its_kinds_titles_bounds_and_defaults() -> None:
    shape = shape_of(Book.model_fields["drawings"].annotation)
    assert shape is not None and (shape["type"], shape["of"]["noun"]) == ("list", "drawing")
    name, choice = shape["of"]["fields"]  # lists of references can only be written as JSON
    assert (name["type"], name["title"], name["value"]) == ("text", "Name", None)
    assert (choice["type"], choice["noun"], choice["optional"], choice["help"]) == (
        "choice",
        "shape",
        True,
        "What is drawn",
    )
    circle, square = choice["kinds"]
    assert (square["key"], square["title"], square["summary"]) == ("square", "Square", "A square with equal sides.")
    radius, filled = circle["fields"]
    assert radius["attributes"] == {"step": "any", "min": 0} and (radius["value"], filled["value"]) == (1.0, True)
    margins = Book.model_fields["margins"]
    assert shape_of(margins.annotation, margins) == {
        "type": "dict",
        "of": {"type": "number", "attributes": {"step": "any"}},
        "keyTitle": "Side",
        "valueTitle": "Width",
    }
    assert shape_of(list[Ref[Thing]]) is None and shape_of(list[dict[str, str]]) is None


def test_the_description_stands_beside_a_text_area_that_works_without_it() -> None:
    html = str(book()["drawings"])
    described = re.search(r'<script id="id_drawings-shape" type="application/json">(.*)</script>', html)
    offered = offer(shape_of(Book.model_fields["drawings"].annotation), lambda kind: [("thing-1", "A thing")])
    assert described and json.loads(described[1]) == offered
    assert re.search(r"<textarea[^>]*>\s*</textarea>", html)  # required and not given: empty, not null


def test_a_reference_inside_a_list_offers_what_it_may_name() -> None:
    shape = shape_of(Ref[Thing] | None)
    assert shape == {"type": "select", "names": "thing", "options": [None], "labels": ["choose …"]}
    offered = offer([{"type": "list", "of": shape}], lambda kind: [(f"{kind}-1", "A thing"), (f"{kind}-2", "")])
    assert offered[0]["of"]["options"] == [None, "thing-1", "thing-2"]
    assert offered[0]["of"]["labels"] == ["choose …", "A thing", "thing-2"]


def test_the_only_thing_there_is_is_chosen_where_one_is_needed() -> None:
    one, two = book(number=1), book(number=2)
    assert (one["thing"].value(), one["things"].value(), one["maybe"].value()) == ("thing-1", ["thing-1"], None)
    assert (two["thing"].value(), two["things"].value()) == (None, [])
    assert "there is none yet" in str(book(number=0)["thing"])


def test_a_long_form_closes_optional_parts_unless_they_hold_an_error() -> None:
    short = ConfigForm(Drawing, lambda kind: [], check)
    assert [(group.title, len(group.sections)) for group in short.groups()] == [("", 2)]
    groups = book().groups()
    assert [group.title for group in groups] == ["", "Inner part", "Outer part"]
    assert [section.title for section in groups[2].sections] == ["Outer part", "Inner part", "Shape"]
    data = posted(book())
    data["drawings"], data["outer.inner.depth"] = "[]", "0"
    bound = book(data)
    assert bound.errors == {"outer.inner.depth": ["Input should be greater than or equal to 1"]}
    assert [group.open for group in bound.groups() if group.title] == [False, True]


def test_a_mapping_of_keys_or_more_has_a_structured_editor():
    shape = shape_of(ImportConfig.model_fields["mapping"].annotation, ImportConfig.model_fields["mapping"])
    assert (shape["type"], shape["of"]["type"], shape["of"]["plain"]) == ("dict", "either", {"type": "text"})
    fields = {field["name"]: field for field in shape["of"]["more"]["fields"]}
    assert list(fields) == ["from", "const", "template", "cast", "default"]
    assert fields["template"]["long"] and fields["cast"]["options"][0] == fields["cast"]["value"] == "none"

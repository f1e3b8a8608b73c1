"""A typed config as a Django form: labels, help, bounds and choices from the model, errors back at their fields.

Field names are the dotted paths of the config (`model.hidden_size`), so a `Problem` finds its field by name. The form
parses nothing itself: pydantic says what is wrong, in the same words as at the other doors.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal, get_args, get_origin

from django import forms
from django.forms.boundfield import BoundField
from django.http import QueryDict
from django.utils.html import format_html, json_script
from django.utils.safestring import SafeString
from pydantic.fields import FieldInfo

from chimera.errors import InputError, Problem
from chimera.form_shapes import (
    RefChoices,
    Shape,
    bare,
    bounds,
    defaults_of,
    is_optional,
    is_subclass,
    label_of,
    offer,
    said_of,
    shape_of,
    summary_of,
)
from chimera.refs import Ref, ref_kind_of
from chimera.registry import Choice
from chimera.typed import Config

Check = Callable[[Any], Config]

NOT_CONFIG = {"csrfmiddlewaretoken", "idempotency_key"}  # posted with every form; so is what begins with _

UPLOAD = ":file"  # ends the name of the input of a file that may take the place of a path
SHOWN_FIELDS = 12  # in a longer form, sections that need not be filled in are closed

_ABSENT = object()


@dataclass
class Section:
    """Fields that stand together: the top level, a nested config, or the settings of a chosen extension.

    `around` is the title of the optional config of the top level that they belong to.
    """

    title: str = ""
    summary: str = ""
    around: str = ""
    names: list[str] = field(default_factory=list)
    fields: list[BoundField] = field(default_factory=list)


@dataclass
class Group:
    """Sections under one heading that can be closed, or (without a title) sections that always show."""

    title: str
    sections: list[Section]

    @property
    def open(self) -> bool:
        return any(field.errors for section in self.sections for field in section.fields)


class OpenChoiceField(forms.ChoiceField):
    """A select whose value pydantic judges."""

    def valid_value(self, value: Any) -> bool:
        return True


class OpenMultipleChoiceField(forms.MultipleChoiceField):
    """A multiple select whose values pydantic judges."""

    def valid_value(self, value: Any) -> bool:
        return True


class ConfigForm(forms.Form):
    """The form of `config`.

    `ref_choices(kind)` lists what a `Ref` may name as `(uid, label)`. `check(raw)` validates the JSON value and returns
    the config or raises InputError. `initial` is a (partial) JSON value of the config.
    """

    use_required_attribute = False

    def __init__(
        self,
        config: type[Config],
        ref_choices: RefChoices,
        check: Check,
        data: QueryDict | None = None,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data.copy() if data is not None else None)
        self.config: Config | None = None
        self._ref_choices, self._check = ref_choices, check
        self._sections = [Section()]
        self._parsers: dict[str, Callable[[Any], Any]] = {}
        self._unseen: list[str] = []  # choices whose settings the user has not seen yet
        self._walk(config, "", {**defaults_of(config), **(initial or {})}, self._sections[0])

    def sections(self) -> Iterator[Section]:
        """The sections in order, each with its bound fields."""
        for section in self._sections:
            section.fields = [self[name] for name in section.names]
            if section.fields:
                yield section

    def groups(self) -> list[Group]:
        """The sections; in a long form those of an optional config together under its title."""
        long = len(self._parsers) > SHOWN_FIELDS
        grouped = groupby(self.sections(), lambda section: section.around if long else "")
        return [Group(title, list(sections)) for title, sections in grouped]

    def raw(self) -> dict[str, Any]:
        """The JSON value that the user has filled in."""
        tree: dict[str, Any] = {}
        for path, parse in self._parsers.items():
            value = parse(self.cleaned_data.get(path))
            if value is not _ABSENT:
                _put(tree, path, value)
        for path in self._unknown():
            _put(tree, path, self.data[path])
        return tree

    def _unknown(self) -> list[str]:
        """Posted names that the config does not have: pydantic refuses them as at the other doors."""
        return [name for name in self.data if not (name in self.fields or name in NOT_CONFIG or name.startswith("_"))]

    def clean(self) -> dict[str, Any]:
        for name in self._unseen:
            self.add_error(name, "its settings are shown now: look at them, then go on")
        if not self.errors:
            try:
                self.config = self._check(self.raw())
            except InputError as error:
                self.add_problems(error.problems)
        return self.cleaned_data

    def add_problems(self, problems: list[Problem]) -> None:
        """Each problem at its field, else at the nearest field around or inside it, else above the form."""
        for problem in problems:
            name = self._nearest(problem.field)
            rest = problem.field.removeprefix(name or "").strip(".")
            text = ": ".join(part for part in (rest, problem.message) if part)
            self.add_error(name, f"{text} - {problem.hint}" if problem.hint else text)

    def _nearest(self, path: str) -> str | None:
        around = path
        while around:
            if around in self.fields:
                return around
            around = around.rpartition(".")[0]
        return next((name for name in self.fields if path and name.startswith(f"{path}.")), None)

    def _walk(self, config: type[Config], prefix: str, values: Mapping[str, Any], section: Section) -> None:
        in_order = sorted(config.model_fields.items(), key=lambda item: not item[1].is_required())
        for name, info in in_order:  # what must be said comes first
            if said_of(info).get("filled_in"):
                continue
            path, kind, value = f"{prefix}{name}", bare(info.annotation), values.get(name)
            if is_subclass(kind, Choice):
                self._add_choice(path, kind, info, value, section.around)
            elif is_subclass(kind, Config) and not is_optional(info.annotation):
                label = label_of(name, info)
                around = section.around if prefix else "" if info.is_required() else label
                inner = Section(label, info.description or "", around)
                self._sections.append(inner)
                self._walk(kind, f"{path}.", {**defaults_of(kind), **_settings(value)}, inner)
            else:
                self._add(path, label_of(name, info), info, value, self._named_section(info) or section)

    def _named_section(self, info: FieldInfo) -> Section | None:
        """The section that a field names (`json_schema_extra={"section": title}`), in the place of its first field."""
        title = said_of(info).get("section", "")
        if not title:
            return None
        known = next((section for section in self._sections if section.title == title), None)
        if known is None:
            known = Section(title, around=title)
            self._sections.append(known)
        return known

    def _add_choice(self, path: str, kind: type[Choice], info: FieldInfo, value: Any, around: str) -> None:
        """A select of the registry's entries and, as a section of their own, the settings of the chosen one."""
        registry = kind.registry()
        entries = {entry.key: entry for entry in registry}
        given = _settings(value)
        key = self._chosen(path, given.get("key") or next(iter(entries)))
        label = label_of(path.rpartition(".")[2], info)
        section = Section(label, info.description or "", around)
        self._sections.append(section)
        attrs = {"data-refresh": "", "hx-post": "", "hx-trigger": "change", "hx-target": "closest form"}
        attrs |= {"hx-swap": "outerHTML", "hx-vals": '{"_refresh": "1"}'}
        choices = [(entry.key, entry.title) for entry in entries.values()]
        select = OpenChoiceField(choices=choices, label="Kind", initial=key, widget=forms.Select(attrs=attrs))
        select.help_text = summary_of(entries[key]) if key in entries else ""
        self._put_field(f"{path}.key", select, section, _text)
        shown = forms.CharField(initial=key, required=False, widget=forms.HiddenInput)
        self.fields[f"{path}.shown"] = shown
        if key not in entries:
            return
        config = entries[key].config
        values = {**defaults_of(config), **(_settings(given.get("config")) if key == given.get("key") else {})}
        self._add_settings(path, key, config, values, section)

    def _add_settings(
        self, path: str, key: str, config: type[Config], values: Mapping[str, Any], section: Section
    ) -> None:
        self._walk(config, f"{path}.config.", values, section)
        self._complete(path, key)

    def _chosen(self, path: str, initial: str) -> str:
        return self.data.get(f"{path}.key", initial) if self.is_bound else initial

    def _complete(self, path: str, key: str) -> None:
        """Another kind was chosen than the one whose settings were on the page: fill them with their defaults."""
        if not isinstance(self.data, QueryDict) or self.data.get(f"{path}.shown", key) == key:
            return
        self.data[f"{path}.shown"] = key
        for name in [name for name in self.data if name.startswith(f"{path}.config.") and name not in self.fields]:
            del self.data[name]  # settings of the kind that was chosen before
        below = [name for name in self._parsers if name.startswith(f"{path}.config.")]
        for name in below:
            self.data.setlist(name, _as_posted(self.fields[name].initial))
        if below:
            self._unseen.append(f"{path}.key")

    def _add(self, path: str, label: str, info: FieldInfo, value: Any, section: Section) -> None:
        built, parse = self._leaf(info, value)
        built.label, built.help_text, built.required = label, info.description or "", False
        if info.is_required() and not isinstance(built.widget, (forms.CheckboxInput, PathOrUpload)):
            built.widget.attrs["required"] = True
        self._put_field(path, built, section, parse)

    def _put_field(self, path: str, built: forms.Field, section: Section, parse: Callable[[Any], Any]) -> None:
        built.required = False
        self.fields[path] = built
        self._parsers[path] = parse
        section.names.append(path)

    def _leaf(self, info: FieldInfo, value: Any) -> tuple[forms.Field, Callable[[Any], Any]]:
        """The field of one annotation and how its cleaned value becomes JSON."""
        kind = bare(info.annotation)
        empty: Any = _ABSENT if info.is_required() else None
        origin, arguments = get_origin(kind), tuple(bare(item) for item in get_args(kind))
        if kind is bool:
            return forms.BooleanField(initial=value), bool
        if kind in (int, float):
            return forms.CharField(initial=value, widget=forms.NumberInput(attrs=bounds(info, kind))), _or(empty)
        if origin is Literal:
            values = {str(item): item for item in arguments}
            return OpenChoiceField(choices=[(k, k) for k in values], initial=value), lambda v: values.get(v, v)
        if _names_ref(kind):
            found = self._ref_choices(ref_kind_of(kind))
            choices = [("", "choose …" if found else "there is none yet"), *found]
            return OpenChoiceField(choices=choices, initial=value or _only(found, info)), _or(empty)
        if origin is list and _names_ref(arguments[0]):
            choices = self._ref_choices(ref_kind_of(arguments[0]))
            several = forms.SelectMultiple(attrs={"size": min(8, max(2, len(choices)))})
            initial = value or [key for key in [_only(choices, info)] if key]
            every = bool(said_of(info).get("left_out"))  # what none chosen then means
            none_chosen = (lambda chosen: chosen or _ABSENT) if every else list
            return OpenMultipleChoiceField(choices=choices, initial=initial, widget=several), none_chosen
        if origin is list and get_origin(arguments[0]) is Literal:
            named = [(str(item), str(item)) for item in get_args(arguments[0])]
            listed = forms.SelectMultiple(attrs={"size": min(8, max(2, len(named)))})
            return OpenMultipleChoiceField(choices=named, initial=value, widget=listed), list
        if origin is list and arguments[0] in (int, float, str):
            return forms.CharField(initial=", ".join(map(str, value or []))), _separated
        if kind is str:
            needed = info.is_required() or is_optional(info.annotation)
            long = forms.Textarea({"rows": 16, "spellcheck": "false", "class": "mono"})
            short = PathOrUpload() if said_of(info).get("upload") else forms.TextInput()
            widget = long if said_of(info).get("multiline") else short
            return forms.CharField(initial=value, strip=True, widget=widget), _or(empty) if needed else _text
        shape = offer(shape_of(info.annotation, info), self._ref_choices)
        shown = "" if value is None else json.dumps(value, indent=1, ensure_ascii=False)
        return JsonField(initial=shown, widget=JsonTextarea(shape)), _or(empty)


def uploadable(config: type[Config]) -> list[str]:
    """Fields of the top level whose value is a path, or a file sent along (`json_schema_extra={"upload": True}`)."""
    return [name for name, info in config.model_fields.items() if said_of(info).get("upload")]


class PathOrUpload(forms.TextInput):
    """A path on the worker, with a file to send along in its place (`chimera.uploads.with_uploads`)."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        path = super().render(name, value, attrs, renderer)
        words = (
            '<div class="upload">{}<label class="help">or a file from here <input type="file" name="{}"></label></div>'
        )
        return format_html(words, path, name + UPLOAD)


class JsonTextarea(forms.Textarea):
    """A text area for JSON, with the shape of its value for the structured editor of `static/js/lists.js`."""

    def __init__(self, shape: Shape | None) -> None:
        super().__init__({"rows": 6, "spellcheck": "false", "class": "mono"})
        self.shape = shape

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        area = super().render(name, value, attrs, renderer)
        if self.shape is None:
            return area
        return format_html("{}{}", area, json_script(self.shape, f"{attrs['id']}-shape"))


class JsonField(forms.CharField):
    """A JSON value in a text area."""

    def clean(self, value: Any) -> Any:
        if not value or not value.strip():
            return ""
        try:
            return json.loads(value)
        except json.JSONDecodeError as error:
            raise forms.ValidationError(
                f"is not JSON: {error.msg} in line {error.lineno}, column {error.colno}"
            ) from error


def posted(form: ConfigForm) -> QueryDict:
    """What a browser sends when the form is submitted untouched."""
    data = QueryDict(mutable=True)
    for name in form.fields:
        data.setlist(name, _as_posted(form[name].value()))
    return data


def _put(tree: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
    tree[last] = value


def _settings(value: Any) -> Mapping[str, Any]:
    """What to begin with; a config that was stored for another form may hold something else here."""
    return value if isinstance(value, Mapping) else {}


def _names_ref(kind: Any) -> bool:
    return get_origin(kind) is Ref


def _text(value: Any) -> Any:
    return value or ""


def _or(empty: Any) -> Callable[[Any], Any]:
    return lambda value: empty if value in ("", None) else value


def _only(choices: list[tuple[str, str]], info: FieldInfo) -> str | None:
    """What a field that must be filled in can only be."""
    return choices[0][0] if info.is_required() and len(choices) == 1 else None


def _separated(value: Any) -> list[str]:
    return [part.strip() for part in (value or "").split(",") if part.strip()]


def _as_posted(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(item) for item in value]
    if value is None or value is False:
        return []
    return ["on" if value is True else str(value)]

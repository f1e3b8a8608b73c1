"""A curriculum as a YAML file: exact round trips, and errors that name file, line and field (pure).

Numbers and words follow YAML 1.2 (`no` is a word, `1e-3` a number). Aliases, tags of languages and duplicate keys are
refused, so that a small file cannot unfold into a large one or into anything but plain values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import yaml

from chimera.errors import InputError, Problem

MAX_BYTES = 1_000_000
FORMAT = "chimera-curriculum/1"

_PLAIN = {
    "null": re.compile(r"^(?:~|null|)$"),
    "bool": re.compile(r"^(?:true|false)$"),
    "int": re.compile(r"^-?(?:0|[1-9][0-9]*)$"),
    "float": re.compile(r"^-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$|^-?\.inf$|^\.nan$"),
}
_BREAKS = re.compile("[\n\r\x85\u2028\u2029]")
_FIRST = {"null": ["~", "n", ""], "bool": list("tf"), "int": list("-0123456789"), "float": list("-.0123456789")}


class _Loader(yaml.SafeLoader):
    """Plain values only, as YAML 1.2 reads them."""

    yaml_implicit_resolvers = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            said = "aliases are not read; write the value out"
            raise yaml.MarkedYAMLError(problem=said, problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Every key is a word: groups may be called 1 and 2."""
        found: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be a word", problem_mark=key.start_mark)
            if key.value in found:
                raise yaml.MarkedYAMLError(problem=f"{key.value!r} is given twice", problem_mark=key.start_mark)
            found[key.value] = self.construct_object(value, deep=deep)
        return found


class _Dumper(yaml.SafeDumper):
    """Quotes every word that either version of YAML would read as something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_str(self, data: str) -> Any:
        style = '"' if _BREAKS.search(data) else None  # other styles fold line breaks
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


for _name, _pattern in _PLAIN.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", _pattern, _FIRST[_name])
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", _pattern, _FIRST[_name])
_Dumper.add_representer(str, _Dumper.represent_str)
_Loader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(_spelt(node.value)))
_Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))


def _spelt(word: str) -> str:
    return word.replace(".inf", "inf").replace(".nan", "nan")


@dataclass(frozen=True)
class CurriculumFile:
    """What a file says (the JSON value of a `CurriculumDraft`) and where: dotted path → line, from 1."""

    name: str
    value: dict[str, Any]
    lines: dict[str, int]

    def located(self, problems: list[Problem]) -> list[Problem]:
        """The problems with file and line: that of their field, or of what is nearest around it."""
        return [replace(problem, file=self.name, line=self._line(problem.field)) for problem in problems]

    def _line(self, field: str) -> int:
        path = re.sub(r"\[(\d+)\]", r".\1", field)
        while path and path not in self.lines:
            path = path.rpartition(".")[0]
        return self.lines.get(path, 1)


def written(value: dict[str, Any]) -> str:
    """The YAML of a draft's JSON value; `read` gives an equal value back."""
    body = {"format": FORMAT, **value}
    return yaml.dump(body, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)


def exported(name: str, policy: str, config: dict[str, Any], budget_tokens: int | None) -> str:
    """A saved curriculum as a file. Its sequences are left out: their number means something else elsewhere."""
    budget = {} if budget_tokens is None else {"budget_tokens": budget_tokens}
    return written({"name": name, "policy": {"key": policy, "config": config}, **budget})


def read(data: bytes, name: str = "curriculum.yaml") -> CurriculumFile:
    """A file of at most `MAX_BYTES`. JSON is YAML too.

    Raises:
        InputError: too large, no UTF-8, no YAML, no mapping, or another format; names file and line.
    """
    if len(data) > MAX_BYTES:
        raise InputError(Problem(f"is larger than {MAX_BYTES:,} bytes", file=name))
    try:
        value, lines = _parsed(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(Problem(f"is not UTF-8 at byte {error.start}", file=name)) from error
    except yaml.reader.ReaderError as error:
        said = f"holds a character that YAML does not allow, #x{error.character:04x}"
        raise InputError(Problem(said, file=name)) from error
    except yaml.MarkedYAMLError as error:
        raise InputError(Problem(_said(error), file=name, line=_line_of(error))) from error
    except (RecursionError, ValueError) as error:
        raise InputError(Problem("is nested too deeply or holds a number that is too long", file=name)) from error
    if not isinstance(value, dict):
        raise InputError(Problem("must be a mapping with name and policy", file=name, line=1))
    found = value.pop("format", FORMAT)
    if found != FORMAT:
        raise InputError(
            Problem(f"is of the format {found!r}", "format", name, lines.get("format"), f"this version reads {FORMAT}")
        )
    return CurriculumFile(name, value, lines)


def _parsed(text: str) -> tuple[Any, dict[str, int]]:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, {}
        lines: dict[str, int] = {}
        _mark(node, "", lines)
        return loader.construct_document(node), lines
    finally:
        loader.dispose()


def _mark(node: Any, path: str, lines: dict[str, int]) -> None:
    """Where each value begins; a key's line where its value starts below it."""
    if isinstance(node, yaml.MappingNode):
        for key, inner in node.value:
            below = f"{path}.{key.value}" if path else str(key.value)
            lines[below] = key.start_mark.line + 1
            _mark(inner, below, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, inner in enumerate(node.value):
            below = f"{path}.{index}" if path else str(index)
            lines[below] = inner.start_mark.line + 1
            _mark(inner, below, lines)


def _said(error: yaml.MarkedYAMLError) -> str:
    return ", ".join(str(part) for part in (error.context, error.problem) if part) or "is not YAML"


def _line_of(error: yaml.MarkedYAMLError) -> int | None:
    mark = error.problem_mark or error.context_mark
    return mark.line + 1 if mark else None

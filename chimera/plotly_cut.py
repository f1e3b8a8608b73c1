"""The part of plotly.js that our charts need, cut out of the bundle in plotly's wheel (pure).

The bundle is esbuild's: one function of declarations. Most are modules, `var bar=module((exports,own)=>{…})`, whose
code runs when they are first called, `bar()`. So what the entry does not reach by calls and names can be left out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

_PATTERN = r"/(?![/*])(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/"  # a regular expression of JavaScript
_BEFORE_PATTERN = r"(?:(?<=[(,=:\[!&|?{};+\-*%~^<>])|(?<=return))"  # elsewhere a slash divides
_TOKEN = re.compile(
    rf""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|{_BEFORE_PATTERN}{_PATTERN}|[`{{}}()\[\];,]""",
    re.S,
)
_TEMPLATE = re.compile(r"(?:[^`\\$]|\\.|\$(?!\{))*(`|\$\{)", re.S)  # of a `text`: to its end, or to an expression in it
_OPENING, _CLOSING = re.compile(r"var Plotly=\(\(\)=>\{"), re.compile(r"return ([\w$]+\(\));\}\)\(\);")
_MODULE = re.compile(r"([\w$]+)=\((?:\w,?)+\)=>\(\)=>\{")  # a function that makes modules
_DECLARED = re.compile(r"([\w$]+)(?:=([\w$]+)\()?")
_FUNCTION = re.compile(r"(?:async )?function\*? ?([\w$]+)")
_EXPORTS = re.compile(r"[\w$]+\(([\w$]+),\{")  # what a module exports: name(bar,{default:()=>…});
_USED = re.compile(r"(?<![\w$.])([A-Za-z_$][\w$]*)(\(\))?")
_REGISTERED = re.compile(r"(?<=\.register\(\[)[^\]]*(?=\]\))")
_INNER = re.compile(r"exports=([\w$]+\(\))")  # lib/bar.js only passes on traces/bar/index.js


class ForeignBundleError(ValueError):
    """The bundle is not built as this module expects, or lacks a trace type that is wanted."""


@dataclass(frozen=True)
class Statement:
    """A statement of the bundle and what others reach it by: `bar()` for a module, else the names that it declares."""

    text: str
    names: tuple[str, ...]


def cut(bundle: str, traces: Collection[str]) -> str:
    """The bundle with the trace types `traces` and `scatter`, which is always there; other types draw nothing.

    Raises:
        ForeignBundleError: see there.
    """
    opening, closing = _OPENING.search(bundle), _CLOSING.search(bundle)
    if opening is None or closing is None:
        raise ForeignBundleError("the bundle of plotly.js does not begin or end as expected")
    statements = list(_named(bundle, opening.end(), closing.start()))
    places = _places(statements)
    try:
        entry = places[closing[1]][0]
        statements[entry] = _registering(traces, statements, places, entry)
    except (KeyError, TypeError) as error:
        raise ForeignBundleError("the trace types of plotly.js are not registered as expected") from error
    kept = sorted(_reached(statements, places, entry))
    return "".join([bundle[: opening.end()], *(statements[i].text for i in kept), bundle[closing.start() :]])


def _named(bundle: str, start: int, end: int) -> Iterator[Statement]:
    makers: set[str] = set()
    for text, places in _divided(bundle, start, end):
        makers |= set(_MODULE.findall(text))
        if text.startswith("var "):
            found = [declared for place in (4, *places) if (declared := _DECLARED.match(text, place))]
            # Names beside a module's in one statement are its own: they mean nothing before it has run.
            modules = tuple(f"{one[1]}()" for one in found if one[2] in makers)
            yield Statement(text, modules or tuple(one[1] for one in found))
        elif named := _FUNCTION.match(text) or _EXPORTS.match(text):
            yield Statement(text, (named[1],))
        else:
            raise ForeignBundleError(f"a statement of plotly.js is not of a known kind: {text[:60]}")


def _divided(bundle: str, start: int, end: int) -> Iterator[tuple[str, list[int]]]:
    """Each statement, and where in it a comma outside of all brackets ends."""
    depth, place, begin = 0, start, start
    commas: list[int] = []
    expressions: list[int] = []  # how deep those in `texts` stand
    while found := _TOKEN.search(bundle, place, end):
        mark, place = found[0], found.end()
        depth += (mark in "([{") - (mark in ")]}")
        if mark == "`" or (mark == "}" and depth in expressions[-1:]):
            if mark == "}":
                expressions.pop()
            rest = _TEMPLATE.match(bundle, place, end)
            if rest is None:
                break
            place = rest.end()
            if rest[1] == "${":
                expressions.append(depth)
                depth += 1
        elif depth == 0 and (mark == ";" or (mark == "}" and _FUNCTION.match(bundle, begin))):
            yield bundle[begin:place], commas
            begin, commas = place, []
        elif depth == 0 and mark == ",":
            commas.append(place - begin)
    if depth or begin != end:
        raise ForeignBundleError("the brackets of plotly.js do not close")


def _places(statements: list[Statement]) -> dict[str, list[int]]:
    places: defaultdict[str, list[int]] = defaultdict(list)
    for i, statement in enumerate(statements):
        for name in statement.names:
            places[name].append(i)
    return dict(places)


def _registering(
    traces: Collection[str], statements: list[Statement], places: dict[str, list[int]], entry: int
) -> Statement:
    """The entry's statement with the calls of the wanted trace types alone."""
    text = statements[entry].text
    wanted = {}
    for call in _REGISTERED.search(text)[0].split(","):  # type: ignore[index]
        inner = _INNER.search(statements[places[call][0]].text)[1]  # type: ignore[index]
        if named := re.search(r'moduleType:"trace",name:"(\w+)"', statements[places[inner][0]].text):
            wanted[named[1]] = call
    if missing := sorted(set(traces) - wanted.keys()):
        raise ForeignBundleError(f"plotly.js has no trace type {', '.join(missing)}")
    calls = ",".join(call for name, call in wanted.items() if name in traces)
    return replace(statements[entry], text=_REGISTERED.sub(calls, text))


def _reached(statements: list[Statement], places: dict[str, list[int]], entry: int) -> set[int]:
    """The indices of the statements that the entry needs, directly or through others."""
    reached, left = {entry}, [entry]
    while left:
        text = statements[left.pop()].text
        used = {way for name, call in set(_USED.findall(text)) for way in (name, name + call)}
        for name in used & places.keys():
            new = [i for i in places[name] if i not in reached]
            reached.update(new)
            left.extend(new)
    return reached

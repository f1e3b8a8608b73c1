"""Texts of benchmarks are kept out of training data: overlap of word n-grams (GPT-3, arXiv 2005.14165, appendix C)."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import Field, model_validator

import chimera.typed
from chimera.errors import InputError, Problem
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, Drop, Filter, Keep

Index = dict[str, dict[int, set[int]]]
"""Benchmark → length in words → hashes of its n-grams of that length."""


class Item(chimera.typed.Config):
    """One text of a benchmark. A config and not a plain string: a form cuts lists of strings at commas."""

    text: str = Field(title="Text")


@FILTERS.register("decontaminate")
class Decontaminate(Filter):
    """Drops a document that shares word n-grams with a benchmark; the reason names the benchmark that shares most.

    Words are cut at spaces, in lower case, letters and digits only, as in lm-eval's Janitor. The statistic is the
    number of different n-grams shared. An item shorter than `n` must occur whole; one shorter than `shortest_item` is
    not looked for, because such word runs are common (8 is the least length in GPT-3). GPT-3 cuts the passage out, we
    drop the document, so that what was removed can be read. N-grams are kept as 64-bit hashes. Text
    without spaces between words (Chinese, Japanese) is not covered.
    """

    title = "Decontamination"

    class Config(chimera.typed.Config):
        benchmark: str = Field("benchmark", title="Name of the benchmark", min_length=1)
        path: str = Field(
            "",
            title="File of items",
            description="JSON Lines on the worker. A string under the key benchmark goes before the name above.",
        )
        keys: list[str] = Field(
            ["text"], title="Keys of the file", description="Their strings together are the text of an item."
        )
        items: list[Item] = Field(default_factory=list, title="Items", description="Texts, beside those of the file.")
        n: int = Field(13, title="Words of an n-gram", ge=1)
        shortest_item: int = Field(8, title="Words of an item at least", ge=1)
        min_matches: int = Field(1, title="Shared n-grams that are too many", ge=1)

        @model_validator(mode="after")
        def _has_keys(self) -> Decontaminate.Config:
            if self.path and not self.keys:
                raise ValueError("name at least one key of the file that holds an item's text")
            return self

    def __init__(self, config: Config) -> None:
        self.config = config
        self._built: Index | None = None

    @property
    def _index(self) -> Index:
        if self._built is None:
            self._built = _build(_items(self.config), self.config.n, self.config.shortest_item)
        return self._built

    def judge(self, document: Document) -> Keep | Drop:
        index = self._index
        words = _words(document.text) if index else []
        grams = {length: set(_hashes(words, length)) for length in {n for found in index.values() for n in found}}
        shared = {
            name: sum(len(hashes & grams[length]) for length, hashes in found.items()) for name, found in index.items()
        }
        name = max(sorted(shared), key=lambda name: shared[name], default="")
        if shared.get(name, 0) >= self.config.min_matches:
            return Drop(f"contaminated_{name}", shared[name])
        return Keep(document)


def _words(text: str) -> list[str]:
    cut = ("".join(filter(str.isalnum, word)) for word in unicodedata.normalize("NFKC", text).lower().split())
    return [word for word in cut if word]


def _hashes(words: list[str], length: int) -> Iterator[int]:
    from xxhash import xxh3_64_intdigest

    for start in range(len(words) - length + 1):
        yield xxh3_64_intdigest(" ".join(words[start : start + length]).encode("utf-8", "surrogatepass"))


def _build(items: Iterable[tuple[str, str]], n: int, shortest: int) -> Index:
    index: Index = {}
    for benchmark, text in items:
        words = _words(text)
        if len(words) >= shortest:
            length = min(n, len(words))
            index.setdefault(benchmark, {}).setdefault(length, set()).update(_hashes(words, length))
    return index


def _items(config: Decontaminate.Config) -> Iterator[tuple[str, str]]:
    yield from ((config.benchmark, item.text) for item in config.items)
    if config.path:
        yield from _of_file(Path(config.path), config)


def _of_file(path: Path, config: Decontaminate.Config) -> Iterator[tuple[str, str]]:
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _of_line(line, f"{path.name}#{number}", config)
    except OSError as error:
        problem = Problem(f"cannot read the benchmark's items: {error.strerror}", "path", file=str(path))
        raise InputError(problem) from error


def _of_line(line: bytes, place: str, config: Decontaminate.Config) -> tuple[str, str]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise InputError(Problem(f"{place} is not JSON", "path", hint="one object a line")) from error
    found = [record[key] for key in config.keys if isinstance(record.get(key), str)] if isinstance(record, dict) else []
    if not found:
        hint = f"keys looked for: {', '.join(config.keys)}"
        raise InputError(Problem(f"{place} has no text", "keys", hint=hint))
    name = record.get("benchmark")
    return (name if isinstance(name, str) and name else config.benchmark), " ".join(found)

"""Gopher's repetition rules (Rae et al. 2021, arXiv 2112.11446, table A1), measured as datatrove measures them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from operator import itemgetter

from pydantic import Field

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, Filter, Measured, Span, threshold
from curriculum_app.core.words import Tokenizer, count_repeated, repeated, separated, split_words, word_spans

_PARAGRAPHS = re.compile(r"\n{2,}")
_LINES = re.compile(r"\n+")
_TOP_GRAMS = (2, 3, 4)
_DUPLICATE_GRAMS = (5, 6, 7, 8, 9, 10)


@FILTERS.register("gopher_repetition")
class GopherRepetition(Filter):
    """Drops text that repeats itself; the first rule that fails is the reason.

    On short texts the top n-gram rules drop honest prose (one 3-gram of a 90-character text is more than 18 % of it).
    """

    title = "Gopher repetition"

    class Config(chimera.typed.Config):
        dup_para_frac: float | None = threshold(0.30, "Duplicate paragraphs, share of paragraphs", ge=0, le=1)
        dup_para_char_frac: float | None = threshold(0.20, "Duplicate paragraphs, share of characters", ge=0, le=1)
        dup_line_frac: float | None = threshold(0.30, "Duplicate lines, share of lines", ge=0, le=1)
        dup_line_char_frac: float | None = threshold(0.20, "Duplicate lines, share of characters", ge=0, le=1)
        top_2_gram: float | None = threshold(0.20, "Most frequent 2-gram, share of characters", ge=0, le=1)
        top_3_gram: float | None = threshold(0.18, "Most frequent 3-gram, share of characters", ge=0, le=1)
        top_4_gram: float | None = threshold(0.16, "Most frequent 4-gram, share of characters", ge=0, le=1)
        duplicated_5_n_grams: float | None = threshold(0.15, "Repeated 5-grams, share of characters", ge=0, le=1)
        duplicated_6_n_grams: float | None = threshold(0.14, "Repeated 6-grams, share of characters", ge=0, le=1)
        duplicated_7_n_grams: float | None = threshold(0.13, "Repeated 7-grams, share of characters", ge=0, le=1)
        duplicated_8_n_grams: float | None = threshold(0.12, "Repeated 8-grams, share of characters", ge=0, le=1)
        duplicated_9_n_grams: float | None = threshold(0.11, "Repeated 9-grams, share of characters", ge=0, le=1)
        duplicated_10_n_grams: float | None = threshold(0.10, "Repeated 10-grams, share of characters", ge=0, le=1)
        tokenizer: Tokenizer = Field("spacy", title="Tokenizer")

    def __init__(self, config: Config) -> None:
        self.config = config
        self._limits: dict[str, float | None] = config.model_dump(exclude={"tokenizer"})

    def measure(self, document: Document) -> Iterator[Measured]:
        if not document.text:
            yield Measured.at_least("empty", 0, "", 1)
            return
        for rule, share in self._shares(document.text):
            yield Measured.at_most(rule, share, rule, self._limits[rule])

    def passages(self, document: Document, reason: str) -> list[Span]:
        """Repetitions after the first; of the most frequent n-gram every occurrence."""
        text = document.text
        if reason.startswith("dup_para"):
            return repeated(text, separated(text, _PARAGRAPHS))
        if reason.startswith("dup_line"):
            return repeated(text, separated(text, _LINES))
        count = re.search(r"\d+", reason)
        if count is None:
            return []
        words = split_words(text, self.config.tokenizer)
        find = _top_grams if reason.startswith("top") else _duplicate_grams
        spans, n = word_spans(text, words), int(count[0])
        return [(spans[start][0], spans[start + n - 1][1]) for start in find(words, n)]

    def _shares(self, text: str) -> Iterator[tuple[str, float]]:
        """Every rule with its measured share, in the order of the rules; lazily, since words cost most."""
        for name, parts in (("para", _PARAGRAPHS.split(text.strip())), ("line", _LINES.split(text))):
            count, characters = count_repeated(parts)
            yield f"dup_{name}_frac", count / len(parts)
            yield f"dup_{name}_char_frac", characters / len(text)
        words = split_words(text, self.config.tokenizer)
        for n in _TOP_GRAMS:
            if len(words) >= n:
                yield f"top_{n}_gram", _top_characters(words, n) / len(text)
        grams = _Grams(words)
        for n in _DUPLICATE_GRAMS:
            yield f"duplicated_{n}_n_grams", grams.duplicate_characters(n) / len(text)


def _top_characters(words: list[str], n: int) -> int:
    """datatrove's `find_top_duplicate`: times by length of the most frequent n-gram, of several the first."""
    shifted = [words[start:] for start in range(n)]
    gram, count = max(Counter(map(" ".join, zip(*shifted, strict=False))).items(), key=itemgetter(1))
    return len(gram) * count


class _Grams:
    """The n-grams of a text as stretches of its words put together without spaces, which need not be joined again."""

    def __init__(self, words: list[str]) -> None:
        self._joined = "".join(words)
        self._offsets = list(accumulate(map(len, words), initial=0))

    def duplicate_characters(self, n: int) -> int:
        """datatrove's `find_all_duplicate`: the length of n-grams that were there before, none counted twice."""
        joined = self._joined
        grams = [joined[start:end] for start, end in zip(self._offsets, self._offsets[n:], strict=False)]
        if len(set(grams)) == len(grams):
            return 0
        seen: set[str] = set()
        characters, place = 0, 0
        while place < len(grams):
            gram = grams[place]
            if gram in seen:
                characters += len(gram)
                place += n
            else:
                seen.add(gram)
                place += 1
        return characters


def _top_grams(words: list[str], n: int) -> list[int]:
    """Where the n-gram stands whose repetition takes most characters."""
    grams = [" ".join(words[start : start + n]) for start in range(len(words) - n + 1)]
    counts = Counter(grams)
    most = max(counts.values(), default=0)
    longest = max((gram for gram, count in counts.items() if count == most), key=len, default="")
    return [start for start, gram in enumerate(grams) if gram == longest]


def _duplicate_grams(words: list[str], n: int) -> list[int]:
    """Where n-grams stand that were there before, found greedily: after a hit the search goes on behind it."""
    seen: set[str] = set()
    starts, start = [], 0
    while start < len(words) - n + 1:
        gram = "".join(words[start : start + n])
        if gram in seen:
            starts.append(start)
            start += n
        else:
            seen.add(gram)
            start += 1
    return starts

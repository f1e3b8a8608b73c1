"""Suggested names: the words that are frequent in one cluster and rare in the others (pure)."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable

TERMS = 10
IN_A_NAME = 3
CHARACTERS = 20_000  # of each text
_WORD = re.compile(r"[^\W\d_]{3,}")
_KEEP = 50_000  # words of a cluster, when its counter grows beyond twice as many


class ClassTerms:
    """Class-based TF-IDF (Grootendorst, BERTopic, arXiv 2203.05794): weight of t in c = tf(t, c) · ln(1 + A / f(t)).

    tf is the count of t among the words of cluster c, f its count in all clusters, A the mean number of words of a
    cluster. English stop words are left out, as are words with digits or under three letters.
    """

    def __init__(self, clusters: int) -> None:
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        self._stop = ENGLISH_STOP_WORDS
        self._counts: list[Counter[str]] = [Counter() for _ in range(clusters)]

    def add(self, cluster: int, text: str) -> None:
        words = (word for word in _WORD.findall(text[:CHARACTERS].lower()) if word not in self._stop)
        counts = self._counts[cluster]
        counts.update(words)
        if len(counts) > 2 * _KEEP:
            self._counts[cluster] = Counter(dict(_first(counts.items(), _KEEP)))

    def weights(self) -> list[list[tuple[str, float]]]:
        """Per cluster its heaviest terms, by weight, then by name."""
        everywhere: Counter[str] = Counter()
        for counts in self._counts:
            everywhere.update(counts)
        mean = sum(everywhere.values()) / max(len(self._counts), 1)
        return [self._of(counts, everywhere, mean) for counts in self._counts]

    def _of(self, counts: Counter[str], everywhere: Counter[str], mean: float) -> list[tuple[str, float]]:
        weighted = ((word, n * math.log(1 + mean / everywhere[word])) for word, n in counts.items())
        return [(word, round(weight, 3)) for word, weight in _first(weighted, TERMS)]


def _first(items: Iterable[tuple[str, float]], count: int) -> list[tuple[str, float]]:
    return sorted(items, key=lambda item: (-item[1], item[0]))[:count]


def suggested_name(terms: list[str]) -> str:
    """The first terms, leaving out what only repeats one of them in the plural."""
    chosen: list[str] = []
    for term in terms:
        if not any(term in (known + "s", known + "es") or known in (term + "s", term + "es") for known in chosen):
            chosen.append(term)
    return ", ".join(chosen[:IN_A_NAME]) or "no words"

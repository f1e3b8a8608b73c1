"""Bits per byte and perplexities of held-out text, from stored sums of NLL, tokens, words and bytes (pure, float64).

Bits per byte and the byte and word perplexity are of the text: they can be compared between tokenizers. The token
perplexity cannot. Intervals take the document as the unit: the windows of one text are not independent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from chimera.typed import Config


class TextSums(Config):
    """Sums over some text: `nll` in nats over its `tokens`, `words` and `n_bytes`.

    NLL 4 over 4 tokens, 3 words and 12 bytes: perplexity 2.718282 by token, 3.793668 by word, 1.395612 by byte, and
    0.480898 bits per byte.
    """

    nll: float
    tokens: int
    words: int
    n_bytes: int

    @property
    def token_perplexity(self) -> float:
        return perplexity(self.nll, self.tokens)

    @property
    def word_perplexity(self) -> float:
        return perplexity(self.nll, self.words)

    @property
    def byte_perplexity(self) -> float:
        return perplexity(self.nll, self.n_bytes)

    @property
    def bits_per_byte(self) -> float:
        """ΣNLL / (ln 2 · Σbytes)."""
        return self.nll / (math.log(2.0) * self.n_bytes) if self.n_bytes else math.nan


def perplexity(nll: float, count: int) -> float:
    """exp(ΣNLL / count); infinite where that is no number, NaN for nothing."""
    if not count:
        return math.nan
    mean = nll / count
    return math.exp(mean) if mean < 700 else math.inf


class DomainResult(TextSums):
    """One domain: `low` to `high` is the 95 % interval of its bits per byte over documents; None of a single one.

    `seen` of its documents, or near-duplicates of them, were trained on, as far as is known; `unseen_bits_per_byte` is
    the score without those.
    """

    domain: str
    windows: int
    documents: int
    low: float | None = None
    high: float | None = None
    seen: int = 0
    unseen_bits_per_byte: float | None = None


class HeldOutResult(Config):
    """All domains. Micro: sums over all text. Macro: unweighted means over domains."""

    domains: list[DomainResult]

    @property
    def micro(self) -> TextSums:
        return TextSums(
            nll=math.fsum(each.nll for each in self.domains),
            tokens=sum(each.tokens for each in self.domains),
            words=sum(each.words for each in self.domains),
            n_bytes=sum(each.n_bytes for each in self.domains),
        )

    def macro(self, name: str) -> float:
        """The mean over domains of a property of `TextSums`, such as "bits_per_byte"."""
        return math.fsum(getattr(each, name) for each in self.domains) / len(self.domains)


def result_of(windows: pa.Table) -> HeldOutResult:
    """From one row per window: domain, document, nll (nats), tokens, words, bytes, seen."""
    columns = {name: windows.column(name).to_numpy(zero_copy_only=False) for name in windows.column_names}
    domains = list(dict.fromkeys(columns["domain"].tolist()))
    return HeldOutResult(domains=[_domain(name, columns, columns["domain"] == name) for name in domains])


def _domain(name: str, columns: Mapping[str, NDArray[Any]], mine: NDArray[np.bool_]) -> DomainResult:
    nll, n_bytes = columns["nll"][mine].astype(np.float64), columns["bytes"][mine]
    first, document = np.unique(columns["document"][mine], return_index=True, return_inverse=True)[1:]
    seen = columns["seen"][mine].astype(bool)
    unseen = TextSums(nll=math.fsum(nll[~seen]), tokens=0, words=0, n_bytes=int(n_bytes[~seen].sum()))
    interval = ratio_interval(np.bincount(document, nll), np.bincount(document, n_bytes) * math.log(2.0))
    return DomainResult(
        domain=name,
        windows=int(mine.sum()),
        documents=int(document.max(initial=-1)) + 1,
        nll=math.fsum(nll),
        tokens=int(columns["tokens"][mine].sum()),
        words=int(columns["words"][mine].sum()),
        n_bytes=int(n_bytes.sum()),
        low=None if interval is None else interval[0],
        high=None if interval is None else interval[1],
        seen=int(seen[first].sum()),
        unseen_bits_per_byte=unseen.bits_per_byte if seen.any() and unseen.n_bytes else None,
    )


def ratio_interval(
    values: Sequence[float] | NDArray[Any], sizes: Sequence[float] | NDArray[Any], alpha: float = 0.05
) -> tuple[float, float] | None:
    """Interval of Σvalues / Σsizes over units drawn at random; None for fewer than two.

    Student's t with the linearised variance of a ratio, n/(n−1) · Σ(value − ratio · size)² / (Σsize)² (Cochran,
    Sampling Techniques, 1977, section 6.3).
    """
    value, size = np.asarray(values, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    n, total = len(value), math.fsum(size)
    if n < 2 or not total or not np.isfinite(value).all():
        return None
    ratio = math.fsum(value) / total
    variance = n / (n - 1) * math.fsum((value - ratio * size) ** 2) / total**2
    half = float(stats.t.isf(alpha / 2, n - 1)) * math.sqrt(variance)
    return ratio - half, ratio + half

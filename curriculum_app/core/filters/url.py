"""Lists of unwanted addresses, as in datatrove's URL filter (FineWeb, Penedo et al. 2024, arXiv 2406.17557, §3.2)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from pydantic import Field

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, Drop, Filter, Keep

if TYPE_CHECKING:
    from tldextract import TLDExtract

_NOT_ALPHANUMERIC = re.compile(r"[^a-z0-9]+")


@FILTERS.register("url")
class Url(Filter):
    """Drops a document whose URL is on a list; the first list that matches gives the reason.

    The lists are settings and empty by default; a document without a URL passes and is counted as `no_url`. Unlike
    datatrove, words and hosts are compared in lower case (`/Poker-Slots` is `/poker-slots`), and the public suffixes
    are those that lie inside the package tldextract, so no network is needed.
    """

    title = "URL lists"

    class Config(chimera.typed.Config):
        domains: list[str] = Field(
            default_factory=list,
            title="Domains",
            description="bad.com removes it with all its subdomains, sub.ok.org only that host.",
        )
        urls: list[str] = Field(
            default_factory=list, title="Exact URLs", description="A comma inside one is written %2C."
        )
        hard_words: list[str] = Field(
            default_factory=list, title="Hard words", description="One of them among the words of the URL is enough."
        )
        soft_words: list[str] = Field(default_factory=list, title="Soft words")
        soft_word_threshold: int = Field(2, title="Different soft words that are too many", ge=1)
        sub_words: list[str] = Field(
            default_factory=list,
            title="Sub-words",
            description="Looked for inside the URL after everything but letters and digits is taken out.",
        )

    def __init__(self, config: Config) -> None:
        self._domains = _lowered(config.domains)
        self._urls = {_escaped(url.strip()) for url in config.urls}
        self._hard, self._soft = _lowered(config.hard_words), _lowered(config.soft_words)
        self._soft_word_threshold = config.soft_word_threshold
        self._sub = {joined for word in config.sub_words if (joined := _NOT_ALPHANUMERIC.sub("", word.lower()))}

    def judge(self, document: Document) -> Keep | Drop:
        if not document.url:
            return Keep(document, "no_url")
        return self._drop(document.url) or Keep(document)

    def _drop(self, url: str) -> Drop | None:
        if reason := self._listed(url):
            return Drop(reason)
        words = set(_NOT_ALPHANUMERIC.split(url.lower()))
        if self._hard & words:
            return Drop("hard_blacklisted", len(self._hard & words))
        soft = len(self._soft & words)
        if soft >= self._soft_word_threshold:
            return Drop("soft_blacklisted", soft)
        joined = _NOT_ALPHANUMERIC.sub("", url.lower())
        return Drop("blacklisted_subword") if any(word in joined for word in self._sub) else None

    def _listed(self, url: str) -> str | None:
        if self._domains:
            parts = _extractor()(url)
            if parts.top_domain_under_public_suffix.lower() in self._domains:
                return "domain"
            # joined by hand, because the library's fqdn is empty for IP addresses and names without a suffix
            if ".".join(filter(None, (parts.subdomain, parts.domain, parts.suffix))).lower() in self._domains:
                return "subdomain"
        return "url" if _escaped(url) in self._urls else None


def _escaped(url: str) -> str:
    return url.replace(",", "%2C")


def _lowered(words: list[str]) -> set[str]:
    return {lowered for word in words if (lowered := word.strip().lower())}


@lru_cache(maxsize=1)
def _extractor() -> TLDExtract:
    from tldextract import TLDExtract

    return TLDExtract(cache_dir=None, suffix_list_urls=())  # neither a download nor a cache on disk

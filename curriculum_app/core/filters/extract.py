"""HTML to main text by trafilatura, favouring precision (FineWeb, arXiv 2406.17557 §3.1)."""

from __future__ import annotations

import html
import logging
import re
from dataclasses import replace

from pydantic import Field

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, Drop, Filter, Keep

_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


@FILTERS.register("extract")
class Extract(Filter):
    """Takes the main text out of a document whose content is `html`; other documents pass unchanged."""

    title = "Extract text from HTML"

    class Config(chimera.typed.Config):
        favour_precision: bool = Field(True, title="Favour precision", description="Less text, but surely main text.")

    def __init__(self, config: Config) -> None:
        self.config = config
        logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # it warns once per empty page

    def judge(self, document: Document) -> Keep | Drop:
        if document.content != "html":
            return Keep(document)
        text = self._text(document.text)
        if not text:
            return Drop("no_text")
        title = document.title or _title(document.text)
        return Keep(replace(document, text=text, title=title, content="text"))

    def transform(self, document: Document) -> Document:
        verdict = self.judge(document)
        return verdict.document if isinstance(verdict, Keep) else replace(document, text="")

    def _text(self, page: str) -> str | None:
        import trafilatura
        from trafilatura.deduplication import LRU_TEST

        # trafilatura remembers texts of earlier pages; what a page yields must not depend on its neighbours
        LRU_TEST.clear()
        return trafilatura.extract(
            page, favor_precision=self.config.favour_precision, include_comments=False, deduplicate=True
        )


def _title(page: str) -> str:
    found = _TITLE.search(page)
    return " ".join(html.unescape(found.group(1)).split()) if found else ""

"""HTML to main text by trafilatura, favouring precision (FineWeb, arXiv 2406.17557 §3.1)."""

from __future__ import annotations

import html
import re
from dataclasses import replace

from pydantic import Field

import chimera.typed
from curriculum_app.core import html_text
from curriculum_app.core.documents import Document, Media
from curriculum_app.core.filters.base import FILTERS, Drop, Filter, Keep
from curriculum_app.core.time_limit import CallFailed, TimedOut, TimeLimited

_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


@FILTERS.register("extract")
class Extract(Filter):
    """Takes the main text out of a document whose content is `html`; other documents pass unchanged.

    The images of the main content stay at their places: each becomes a media entry with its address (absolute if that
    of the page is known), its description and its position in the extracted text. Their bytes are not fetched; of an
    image written into the page as a `data:` address only type, description and position are kept.

    The parser runs in a process of its own. A page that takes it longer than `seconds` is dropped as `timeout` (the
    statistic is that limit; datatrove allows 1 s of real time), one that makes it fail as `parser_failed`.
    """

    title = "Extract text from HTML"

    class Config(chimera.typed.Config):
        favour_precision: bool = Field(True, title="Favour precision", description="Less text, but surely main text.")
        images: bool = Field(True, title="Keep images in place", description="Address, description and position.")
        seconds: float = Field(
            5.0, title="Seconds a page", description="Of processor time; a page that takes longer is dropped.", gt=0
        )

    def __init__(self, config: Config) -> None:
        self.config = config
        self._parser = TimeLimited(html_text.__name__, html_text.extract_page.__name__, config.seconds)

    def judge(self, document: Document) -> Keep | Drop:
        if document.content != "html":
            return Keep(document)
        request = {"page": document.text, "favour_precision": self.config.favour_precision, "url": document.url}
        try:
            found = self._parser.call(request | {"images": self.config.images})
        except TimedOut:
            return Drop("timeout", self.config.seconds)
        except CallFailed:
            return Drop("parser_failed")
        if not found["text"]:
            return Drop("no_text")
        media = (*document.media, *(Media("image", **image) for image in found["images"]))
        title = document.title or _title(document.text)
        return Keep(replace(document, text=found["text"], title=title, content="text", media=media))

    def transform(self, document: Document) -> Document:
        verdict = self.judge(document)
        return verdict.document if isinstance(verdict, Keep) else replace(document, text="")


def _title(page: str) -> str:
    found = _TITLE.search(page)
    return " ".join(html.unescape(found.group(1)).split()) if found else ""

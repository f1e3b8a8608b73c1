"""Unicode repair and NFC by ftfy, as SlimPajama (Soboleva et al. 2023) does before its other steps."""

from __future__ import annotations

from dataclasses import replace

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, Filter


@FILTERS.register("normalise")
class Normalise(Filter):
    """`ftfy.fix_text(text, normalization="NFC")` (Cerebras modelzoo, slimpajama/preprocessing/normalize_text.py)."""

    title = "Repair Unicode (NFC)"

    class Config(chimera.typed.Config):
        pass

    def __init__(self, config: Config) -> None:
        self.config = config

    def transform(self, document: Document) -> Document:
        import ftfy

        text = ftfy.fix_text(document.text, normalization="NFC")
        return document if text == document.text else replace(document, text=text)

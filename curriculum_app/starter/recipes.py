"""How the starter corpus is imported and curated: one recipe per domain, as a user would write them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from curriculum_app.core.configs import CurateConfig, ImportConfig, NearDuplicateConfig
from curriculum_app.core.documents import Content
from curriculum_app.core.filters.base import FilterChoice

CORPUS = Path(__file__).resolve().parent / "corpus"
# From most to least worth keeping when two domains hold the same text.
DOMAINS = ("literature", "prose", "reference", "code", "web")
_KEYS: dict[str, tuple[str, Content]] = {
    "literature": ("text", "text"),
    "prose": ("text", "text"),
    "reference": ("html", "html"),
    "code": ("code", "code"),
    "web": ("html", "html"),
}
_EXTRA: dict[str, dict[str, str]] = {
    "text": {"title": "title"},
    "html": {"url": "url", "date": "date"},
    "code": {"title": "path", "repository": "repo"},
}


def imports(max_documents: int | None = None) -> list[ImportConfig]:
    """One import per domain; `max_documents` (per domain) cuts a smaller corpus with the same properties."""
    return [
        ImportConfig(
            name=f"Starter: {domain}",
            path=str(CORPUS / f"{domain}.jsonl.gz"),
            mapping={"id": "id", "text": key, "source": "source", "license": "license", **_EXTRA[content]},
            domain=domain,
            content=content,
            max_documents=max_documents,
        )
        for domain, (key, content) in ((domain, _KEYS[domain]) for domain in DOMAINS)
    ]


def recipes() -> dict[str, list[FilterChoice]]:
    """Domain → filters. Gopher's alphabetic-words rule would drop most of a technical reference, so it is off there."""
    prose = [_use("normalise"), _use("language", languages=["en"]), _use("gopher_repetition"), _use("gopher_quality")]
    technical = [*prose[:-1], _use("gopher_quality", min_alpha_words=None)]
    short = _use("min_length")
    return {
        "literature": [*prose, short],
        "prose": [*prose, short],
        "reference": [_use("extract"), *technical, short],
        "code": [_use("python_parse"), _use("length", max_chars=200_000), short],
        "web": [_use("extract"), *prose, _use("c4"), _use("fineweb"), short],
    }


def curation(datasets: Sequence[str], benchmarks: Sequence[str] = (), workers: int = 2) -> CurateConfig:
    """The curation of the imported domains (refs such as `dataset-1`), free of the benchmarks (`benchmark-1`)."""
    return CurateConfig.model_validate(
        {
            "name": "Starter corpus",
            "datasets": list(datasets),
            "recipes": recipes(),
            "decontamination": {"benchmarks": list(benchmarks)},
            "near_duplicates": NearDuplicateConfig(priority=list(DOMAINS)),
            "workers": workers,
        }
    )


def _use(key: str, **settings: Any) -> FilterChoice:
    return FilterChoice(key=key, config=settings)

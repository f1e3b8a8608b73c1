"""Target mixtures to start from: that of the blueprint, and SlimPajama's sources."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MixtureTemplate:
    """Names of sources and their shares in percent."""

    key: str
    title: str
    shares: dict[str, str]


TEMPLATES = {
    template.key: template
    for template in (
        MixtureTemplate(
            "blueprint",
            "Blueprint 70/15/5/10",
            {"Web, interleaved": "70 %", "High-quality text": "15 %", "Code": "5 %", "Paired multimodal": "10 %"},
        ),
        MixtureTemplate(
            "dc6",
            "SlimPajama DC-6",
            {
                "CommonCrawl": "52 %",
                "C4": "27 %",
                "GitHub": "5 %",
                "Books": "4 %",
                "ArXiv": "5 %",
                "Wikipedia": "4 %",
                "StackExchange": "3 %",
            },
        ),
    )
}

"""The HTML file around a report: everything in it, nothing to fetch (pure)."""

from __future__ import annotations

import re
from html import escape

_LIGHT = re.compile(r":root \{(.*?)\}", re.DOTALL)
_DARK = re.compile(r":root\[data-theme=\"dark\"\] \{(.*?)\}", re.DOTALL)


def document(title: str, body: str, tokens: str, styles: str) -> str:
    """A whole page. `tokens` is `tokens.css`, whose two themes follow the reader's; on paper it is always light."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{themes(tokens)}\n{styles}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )


def themes(tokens: str) -> str:
    """The colours of the product by the reader's preference in the place of its switch."""
    light, dark = _LIGHT.search(tokens), _DARK.search(tokens)
    assert light and dark, "tokens.css has two themes"
    return f":root {{{light[1]}}}\n@media screen and (prefers-color-scheme: dark) {{ :root {{{dark[1]}}} }}"

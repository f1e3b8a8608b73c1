"""The images of a page's main content with their places in the text that was extracted from it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any
from urllib.parse import urljoin

from curriculum_app.core.text_places import places, squeezed

_UNSEEN = {"script", "style", "noscript", "template", "head", "svg", "iframe", "object"}
_AROUND_THE_CONTENT = {"nav", "footer", "aside", "button", "select", "form"}
_BLOCKS = {"article", "main", "section", "div", "td", "li", "body"}
_NO_SIZE = re.compile(r"\s*[01](?:px)?\s*")
_DATA = re.compile(r"data:(image/[\w.+-]{1,40})?[;,]", re.IGNORECASE)
_MAX_ADDRESS = 2048
_MAX_ALT = 1000


@dataclass
class _Walk:
    """What the page holds in its order: squeezed texts, and images with how many texts stand before them."""

    texts: list[str] = field(default_factory=list)
    images: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    blocks: list[tuple[int, int]] = field(default_factory=list)  # of each image: its block's first text and the end

    def text(self, text: str | None) -> None:
        if text and (flat := squeezed(text)):
            self.texts.append(flat)


def images_of(tree: Any, text: str, page_url: str) -> list[dict[str, Any]]:
    """`{url, alt, mime, offset}` of each image of the main content, in the order of the page.

    Main content is what `text` holds: an image counts if the text just before or just after it was extracted and it
    stands among extracted texts, or in one block with some. Images in navigation, footers, forms, side bars and links
    within the page, images of one pixel and those without address and description do not count. Addresses are made
    absolute where the page's address or its `<base>` is known.
    """
    walk = _walked(tree, _base(tree, page_url))
    if not walk.images:
        return []
    where = places(walk.texts, text)
    known = [number for number, place in enumerate(where) if place is not None]
    if not known:
        return []
    total = [0, *accumulate(place is not None for place in where)]
    found = []
    for (at, image), (first, end) in zip(walk.images, walk.blocks, strict=True):
        before = where[at - 1] if at else None
        after = where[at] if at < len(where) else None
        among = known[0] < at <= known[-1] or total[end] > total[first]
        if among and (before or after):
            found.append(image | {"offset": before[1] if before else after[0] if after else 0})
    return found


def _walked(tree: Any, base: str) -> _Walk:
    from lxml import etree

    walk = _Walk()
    open_blocks: list[tuple[int, int]] = []  # first text and first image of each block that is open
    around = 0
    events = etree.iterwalk(tree, events=("start", "end", "comment", "pi"))
    for event, element in events:
        tag = element.tag if isinstance(element.tag, str) else ""
        if event == "start":
            if tag in _UNSEEN:
                events.skip_subtree()
                continue
            around += tag in _AROUND_THE_CONTENT
            if tag in _BLOCKS:
                open_blocks.append((len(walk.texts), len(walk.images)))
            if tag == "img" and not around and (image := _image(element, base)):
                walk.images.append((len(walk.texts), image))
                walk.blocks.append((-1, -1))
            walk.text(element.text)
            continue
        if event == "end" and tag not in _UNSEEN:
            around -= tag in _AROUND_THE_CONTENT
            if tag in _BLOCKS:
                _close(walk, *open_blocks.pop())
        if element is not tree:
            walk.text(element.tail)
    _close(walk, 0, 0)
    return walk


def _close(walk: _Walk, first_text: int, first_image: int) -> None:
    """Give the images of a block that stand in no inner one their block."""
    for index in range(first_image, len(walk.images)):
        if walk.blocks[index][0] < 0:
            walk.blocks[index] = (first_text, len(walk.texts))


def _base(tree: Any, page_url: str) -> str:
    known = page_url if page_url.startswith(("http://", "https://")) else ""
    for element in tree.iter("base"):
        return urljoin(known, str(element.get("href", "")).strip())
    return known


def _image(element: Any, base: str) -> dict[str, Any] | None:
    if any(_NO_SIZE.fullmatch(element.get(side, "")) for side in ("width", "height")):
        return None
    if any(link.get("href", "").startswith("#") for link in element.iterancestors("a")):
        return None  # "to the top" and the like
    alt = " ".join(element.get("alt", "").split())[:_MAX_ALT]
    addresses = [element.get(name, "").strip() for name in ("src", "data-src", "data-original")]
    address = next((each for each in addresses if each and not _DATA.match(each)), "")
    inline = _DATA.match(addresses[0])
    url = _absolute(address, base)
    if not (url or alt or inline):
        return None
    return {"url": url, "alt": alt, "mime": (inline[1] or "").lower() if inline and not url else ""}


def _absolute(address: str, base: str) -> str:
    """Empty for addresses that no browser would load as an image, and for ones too long to be one."""
    try:
        url = urljoin(base, address) if address else ""
    except ValueError:
        return ""
    is_address = url.startswith(("http://", "https://")) or (not base and not re.match(r"[a-zA-Z][\w+.-]*:", url))
    return url if is_address and len(url) <= _MAX_ADDRESS else ""

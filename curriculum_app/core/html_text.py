"""The main text of an HTML page and the images in it, by trafilatura. Runs in a helper process with a time limit."""

from __future__ import annotations

import logging
from typing import Any

from curriculum_app.core.page_images import images_of


def extract_page(request: dict[str, Any]) -> dict[str, Any]:
    """`{page, favour_precision, images, url}` to `{text, images}`; `text` is None where there is none.

    The images are found beside trafilatura, whose own option for images changes the text.
    """
    import trafilatura
    from trafilatura.deduplication import LRU_TEST
    from trafilatura.utils import load_html

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # it warns once per empty page
    LRU_TEST.clear()  # it remembers texts of earlier pages; what a page yields must not depend on its neighbours
    page = request["page"]
    text = trafilatura.extract(
        page, favor_precision=request["favour_precision"], include_comments=False, deduplicate=True
    )
    if not text or not request["images"] or "<img" not in page.lower():
        return {"text": text, "images": []}
    tree = load_html(page)
    return {"text": text, "images": [] if tree is None else images_of(tree, text, request["url"])}

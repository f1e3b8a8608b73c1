"""Every template compiles, and none holds an inline style, script or handler: the pages work under a strict CSP."""

import re
from pathlib import Path

import pytest
from django.template.loader import get_template

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
NAMES = sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html"))
FORBIDDEN = {
    "a style element": re.compile(r"<style", re.I),
    "a style attribute": re.compile(r"\sstyle\s*=", re.I),
    "an inline script": re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")", re.I),
    "an event handler": re.compile(r"\son[a-z]+\s*=\s*[\"']", re.I),
    "a javascript: address": re.compile(r"javascript:", re.I),
    "a script or style of another host": re.compile(r"<(script|link|img)[^>]+(src|href)\s*=\s*[\"'](https?:)?//", re.I),
    "htmx code that needs eval": re.compile(r"\shx-on|hx-vals\s*=\s*[\"']js:|hx-trigger\s*=\s*[\"'][^\"']*\[", re.I),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_template_compiles_and_holds_nothing_inline(name):
    source = (TEMPLATES / name).read_text(encoding="utf-8")
    assert [what for what, pattern in FORBIDDEN.items() if pattern.search(source)] == []
    get_template(name)


def test_the_style_sheets_stay_small():
    """What every page loads; and what the pages of one area load beside it."""
    assert sum(path.stat().st_size for path in (ROOT / "static" / "css").glob("*.css")) < 30_000
    assert all(path.stat().st_size < 10_000 for path in (ROOT / "static" / "css" / "areas").glob("*.css"))


def test_every_class_of_a_template_is_known():
    """A class that no style sheet and no script names is a typing error or dead."""
    known = set()
    for path in [*(ROOT / "static").rglob("*.css"), *(ROOT / "static").rglob("*.js")]:
        known |= set(re.findall(r"[a-zA-Z][\w-]*", path.read_text(encoding="utf-8")))
    unknown = {}
    for name in NAMES:
        source = re.sub(r"{[%{#].*?[%}#]}", " § ", (TEMPLATES / name).read_text(encoding="utf-8"), flags=re.S)
        for value in re.findall(r"class=\"([^\"]*)\"", source):
            words = {word for word in value.split() if re.fullmatch(r"[a-z][\w-]*", word) and not word.endswith("-")}
            unknown |= dict.fromkeys(words - known, name)
    assert unknown == {}

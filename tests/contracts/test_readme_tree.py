"""The file tree of the README is the one of the repository."""

from __future__ import annotations

from docs.make_tree import ROOT, rendered


def test_the_tree_in_the_readme_is_up_to_date() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme == rendered(readme), "run `python docs/make_tree.py`"

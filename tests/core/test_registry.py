"""A registry looks through its folder only for what it does not know yet."""

import importlib
import sys

import pytest

from chimera import registry
from chimera.errors import InputError
from chimera.registry import Registry

FILE = """
from pydantic import Field
import chimera.typed
from a_folder import SHAPES

@SHAPES.register("{key}")
class Shape:
    title = "{key}"

    class Config(chimera.typed.Config):
        sides: int = Field(3)

    def __init__(self, config):
        self.config = config
"""


@pytest.fixture
def shapes(tmp_path, monkeypatch):
    """`(registry, how to add a file, how often the folder was looked through)`."""
    folder = tmp_path / "a_folder"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        'from chimera.registry import Registry\nSHAPES = Registry("shape", "a_folder")\n'
    )
    monkeypatch.syspath_prepend(tmp_path)

    def add(key):
        (folder / f"{key}.py").write_text(FILE.format(key=key))
        importlib.invalidate_caches()

    looks, looking = [], registry.pkgutil.iter_modules
    monkeypatch.setattr(registry.pkgutil, "iter_modules", lambda path: looks.append(path) or looking(path))
    add("circle")
    yield importlib.import_module("a_folder").SHAPES, add, looks
    for name in [name for name in sys.modules if name.partition(".")[0] == "a_folder"]:
        del sys.modules[name]


def test_the_folder_is_looked_through_once_for_what_is_there(shapes):
    found, add, looks = shapes
    add("square")
    for key in ("circle", "square") * 3:
        assert found.build(key, {"sides": 4}).config.sides == 4
    assert len(looks) == 1


def test_a_file_that_comes_later_is_found(shapes):
    found, add, _ = shapes
    assert found.get("circle").title == "circle"
    add("square")
    assert found.get("square").key == "square" and [entry.key for entry in found] == ["circle", "square"]


def test_an_unknown_key_is_refused_with_the_nearest(shapes):
    found: Registry = shapes[0]
    with pytest.raises(InputError, match="unknown shape 'circel' - did you mean 'circle'"):
        found.get("circel")

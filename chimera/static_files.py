"""The chart library as static files: plotly.js from its wheel, and the part of it that our own charts need."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import plotly
from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.checks import CheckMessage
from django.core.files.storage import FileSystemStorage

from chimera import plotly_cut

WHOLE = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
FOLDER, PART = "vendor/plotly", "plotly.charts.min.js"
TRACES = ("bar", "heatmap")  # and scatter; a chart with another trace type is drawn with the whole library


class PlotlyFinder(BaseFinder):
    """Finds both below `FOLDER`. The part is made when first asked for, anew for another plotly or other traces."""

    def check(self, **_: Any) -> list[CheckMessage]:
        return []

    def find(self, path: str, find_all: bool = False, **_: Any) -> Any:
        where = {f"{FOLDER}/{WHOLE.name}": lambda: WHOLE, f"{FOLDER}/{PART}": part}.get(path)
        found = [] if where is None else [str(where())]
        return found if find_all or not found else found[0]

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, FileSystemStorage]]:
        for file in (WHOLE, part()):
            storage: Any = FileSystemStorage(file.parent)
            storage.prefix = FOLDER
            yield file.name, storage


def part() -> Path:
    """The file of the part, made if need be."""
    bundle = WHOLE.stat()
    facts = f"{bundle.st_size} {bundle.st_mtime_ns} {TRACES}".encode() + Path(plotly_cut.__file__).read_bytes()
    found: Path = settings.DATA_DIR / "vendor" / hashlib.sha256(facts).hexdigest()[:16] / PART
    if not found.exists():
        for earlier in set(found.parent.parent.glob("*")) - {found.parent}:
            shutil.rmtree(earlier, ignore_errors=True)
        _make(found)
    return found


def _make(file: Path) -> None:
    """Complete or not at all; another process may be making it too."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as temporary:
        temporary.write(plotly_cut.cut(WHOLE.read_text(encoding="utf-8"), TRACES))
    made = Path(temporary.name)
    made.chmod(0o644)
    made.replace(file)

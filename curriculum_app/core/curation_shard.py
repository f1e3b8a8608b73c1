"""One unit of curation: a row group through the recipes, its result on disk with a completion mark.

Runs in worker processes. Everything it needs stands in the JSON of a `ShardTask`; everything it makes lies in one
folder that appears by a rename, so a folder that exists is a shard that is done.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chimera.artefacts import write_json
from chimera.typed import Config
from curriculum_app.core.contamination_check import CONTAMINATION_SCHEMA, CheckTask, ContaminationCheck
from curriculum_app.core.dataset_version import DOCUMENT_SCHEMA, DROPPED_SCHEMA, DroppedDocument
from curriculum_app.core.dedup.config import Exact, NearDuplicateConfig
from curriculum_app.core.dedup.sketches import SKETCH_SCHEMA, Sketcher, Sketching
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FilterChoice
from curriculum_app.core.parquet_rows import RowWriter, read_rows
from curriculum_app.core.pipeline import Chain, Funnel

KEPT, DROPPED, SKETCHES, FUNNEL = "kept.parquet", "dropped.parquet", "sketches.parquet", "funnel.json"
FOUND = "found.parquet"  # items of benchmarks
_KEPT_ROW_GROUP = 16  # small, so that one text can be read without many neighbours


class ShardTask(Config):
    """Filter one row group of a dataset version into `folder`."""

    file: str
    row_group: int
    folder: str
    recipes: dict[str, list[FilterChoice]]
    near_duplicates: NearDuplicateConfig
    exact_duplicates: Exact
    check: CheckTask | None = None


def run_shard(task: ShardTask) -> None:
    """Do the task; doing it twice, or in two processes at once, leaves the same folder."""
    folder = Path(task.folder)
    if folder.is_dir():
        return
    temporary = Path(tempfile.mkdtemp(prefix="tmp-", dir=folder.parent))
    try:
        _write(task, temporary)
        temporary.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write(task: ShardTask, folder: Path) -> None:
    chains = {domain: Chain(recipe) for domain, recipe in task.recipes.items()}
    how = Sketching(task.near_duplicates, task.exact_duplicates == "cleaned")
    sketcher = Sketcher(how) if task.near_duplicates.enabled or task.exact_duplicates != "off" else None
    check = ContaminationCheck(task.check) if task.check is not None else None
    present = set()
    with (
        RowWriter(folder / KEPT, DOCUMENT_SCHEMA, _KEPT_ROW_GROUP) as kept,
        RowWriter(folder / DROPPED, DROPPED_SCHEMA) as dropped,
        RowWriter(folder / SKETCHES, SKETCH_SCHEMA) as sketches,
        RowWriter(folder / FOUND, CONTAMINATION_SCHEMA) as found,
    ):
        for row in read_rows(Path(task.file), task.row_group):
            document = Document.from_row(row)
            present.add(document.domain)
            result = chains[document.domain].judge(document)
            if check is not None and isinstance(result, Document):
                result, items = check.judge(result)
                found.extend(items)
            if isinstance(result, DroppedDocument):
                dropped.add(result.as_row())
                continue
            kept.add(result.as_row())
            if sketcher is not None:
                sketches.add(sketcher.sketch(result).as_row())
    counts = {domain: chains[domain].counts() for domain in sorted(present)}
    if check is not None:
        counts = {domain: [*stages, check.counts(domain)] for domain, stages in counts.items()}
    write_json(folder / FUNNEL, counts)


class ShardResult:
    """A finished shard."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def kept(self) -> Iterator[Document]:
        return map(Document.from_row, read_rows(self.folder / KEPT))

    def dropped_rows(self) -> Iterator[dict[str, Any]]:
        return read_rows(self.folder / DROPPED)

    def found_rows(self) -> Iterator[dict[str, Any]]:
        """The items of benchmarks that its documents hold."""
        return read_rows(self.folder / FOUND)

    def sketch_rows(self) -> Iterator[dict[str, Any]]:
        return read_rows(self.folder / SKETCHES)

    def funnel(self) -> Funnel:
        funnel: Funnel = json.loads((self.folder / FUNNEL).read_text(encoding="utf-8"))
        return funnel

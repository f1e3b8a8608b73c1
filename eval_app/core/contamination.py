"""Which items of a benchmark a checkpoint may have read: what curation found in the version it was trained on (pure).

A version that was made from checked ones holds at most what they hold. A checkpoint that continues another has read
what that one read. Where any part was never compared with the benchmark, the answer is None: not checked.
"""

from __future__ import annotations

import pyarrow.dataset as pads

from chimera.artefacts import ArtefactStore, Stored
from curriculum_app.core.benchmarks import Benchmark
from curriculum_app.core.contamination_check import CONTAMINATION_FILE
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.sequences import SequenceTable
from training_app.core.checkpoint import Checkpoint

Found = frozenset[str] | None


def items_read(store: ArtefactStore, checkpoint: Checkpoint, benchmark: Benchmark) -> Found:
    """Ids of the items that share word n-grams with the training data; None where nobody looked."""
    manifest = checkpoint.manifest
    read: list[Found] = [_of_sequences(store, manifest.get("sequences"), benchmark)]
    if manifest.get("base"):
        base = _loaded(store, Checkpoint.ref_kind, manifest["base"])
        read.append(None if base is None else items_read(store, Checkpoint.open(base), benchmark))
    return _together(read)


def _of_sequences(store: ArtefactStore, digest: str | None, benchmark: Benchmark) -> Found:
    table = _loaded(store, SequenceTable.ref_kind, digest)
    return None if table is None else _of_version(store, table.manifest.get("dataset"), benchmark)


def _of_version(store: ArtefactStore, digest: str | None, benchmark: Benchmark) -> Found:
    version = _loaded(store, DatasetVersion.ref_kind, digest)
    if version is None:
        return None
    if benchmark.digest not in (version.manifest.get("contamination") or {}):
        return _together([_of_version(store, each, benchmark) for each in version.manifest.get("parents") or [None]])
    path = version.path / CONTAMINATION_FILE
    if not path.is_file():
        return frozenset()
    wanted = (pads.field("benchmark") == benchmark.digest) & ~pads.field("dropped")
    return frozenset(pads.dataset(str(path)).to_table(columns=["item"], filter=wanted)["item"].to_pylist())


def _loaded(store: ArtefactStore, kind: str, digest: str | None) -> Stored | None:
    return store.load(kind, digest) if digest and store.has(kind, digest) else None


def _together(parts: list[Found]) -> Found:
    known = [part for part in parts if part is not None]
    return frozenset().union(*known) if len(known) == len(parts) else None

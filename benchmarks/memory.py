"""Peak memory of import and of filtering for a small and for a twenty times larger file: it must not grow with size.

Made-up records, about 2 kB each, as JSON Lines, as Zstandard and as Parquet in row groups of 100 MB.
Every measured run is a process of its own; its figure is the highest resident memory that the system saw of it, less
what it held when the libraries were loaded. Near-duplicates are left out: their index grows with the documents by
design, which `python -m benchmarks dedup` measures.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.report import Figure, at_most, plain

NAME = "memory"
SIZES = (50 << 20, 1 << 30)
QUICK_SIZES = (2 << 20, 24 << 20)
GROWTH_GOAL = 64.0  # MiB between the two sizes
ROW_GROUP_BYTES = 100 << 20
_VERSION = "dataset-1"


def measure(quick: bool) -> dict[str, Figure]:
    """MiB that the larger file takes above the smaller one, for each way to read and for filtering."""
    figures: dict[str, Figure] = {}
    for kind in ("jsonl", "jsonl.zst", "parquet", "filters"):
        small, large = (peak(kind, size) for size in (QUICK_SIZES if quick else SIZES))
        figures[f"growth_{kind}"] = at_most(large - small, GROWTH_GOAL, "MiB")
        figures[f"peak_{kind}"] = plain(large, "MiB", small)
    return figures


def peak(kind: str, size: int) -> float:
    """MiB above the loaded libraries, of importing a file of `size` bytes or of filtering what was imported."""
    with tempfile.TemporaryDirectory(prefix="chimera-memory-") as folder:
        path = made_up(Path(folder), "jsonl" if kind == "filters" else kind, size)
        steps = ["import", "filters"] if kind == "filters" else ["import"]
        for step in steps:
            said = subprocess.run(
                [sys.executable, "-m", __name__, step, folder, str(path)], capture_output=True, text=True, check=True
            )
        return float(json.loads(said.stdout.splitlines()[-1]))


def made_up(folder: Path, kind: str, size: int) -> Path:
    """A file whose records hold `size` bytes of text."""
    path = folder / f"records.{kind}"
    if kind == "parquet":
        _write_parquet(path, size)
        return path
    import zstandard

    with path.open("wb") as plain_file:
        file: Any = zstandard.ZstdCompressor(1).stream_writer(plain_file) if kind.endswith("zst") else plain_file
        with file:
            for record in records(size):
                file.write(json.dumps(record).encode() + b"\n")
    return path


def records(size: int) -> Iterator[dict[str, str]]:
    rng = random.Random(0)
    words = ["".join(rng.choices("abcdefghijklmnop", k=rng.randint(2, 8))) for _ in range(5000)]
    number = done = 0
    while done < size:
        text = " ".join(rng.choices(words, k=330))
        yield {"id": f"record-{number}", "text": text}
        number, done = number + 1, done + len(text)


def _write_parquet(path: Path, size: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([("id", pa.string()), ("text", pa.string())])
    with pq.ParquetWriter(path, schema, compression="none") as writer:
        waiting: list[dict[str, str]] = []
        held = 0
        for record in records(size):
            waiting.append(record)
            held += len(record["text"])
            if held >= ROW_GROUP_BYTES:
                writer.write_table(pa.Table.from_pylist(waiting, schema))
                waiting, held = [], 0
        writer.write_table(pa.Table.from_pylist(waiting, schema))


def child(step: str, folder: str, path: str) -> None:
    """One measured run: import the file, or filter the version imported before."""
    from chimera.context import LocalContext
    from curriculum_app.core.configs import CurateConfig, ImportConfig
    from curriculum_app.core.dataset_version import DatasetVersion
    from curriculum_app.core.jobs import curate, import_

    ctx = LocalContext(Path(folder) / "work")
    before = _resident()
    if step == "import":
        config = ImportConfig(name="memory", path=path, mapping={"id": "id", "text": "text"})
        (Path(folder) / "digest").write_text(import_.run(config, ctx).stored.digest)
    else:
        stored = ctx.store.load(DatasetVersion.ref_kind, (Path(folder) / "digest").read_text())
        ctx.artefacts[_VERSION] = DatasetVersion.open(stored)
        keys = [{"key": key} for key in ("min_length", "machine_text", "length")]
        recipe = {"recipes": {"*": keys}, "near_duplicates": {"enabled": False}, "workers": 1}
        curate.run(CurateConfig.model_validate({"name": "memory", "datasets": [_VERSION], **recipe}), ctx)
    print(json.dumps((_resident() - before) / 1024))


def _resident() -> int:
    """The highest resident memory so far, in KiB. `getrusage` would count that of the process it was started from."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


if __name__ == "__main__":
    child(*sys.argv[1:])

"""TensorBoard event files: scalars, hyperparameters and the settings that trainers write as text."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chimera.errors import InputError, Problem
from training_app.core import protobuf_wire as wire
from training_app.core.run_readers.base import RUN_READERS, Found, FoundRun, RunReader
from training_app.core.tfrecords import records

_MARK = "tfevents"
_SESSION_START = 1
# DataType → struct code, of types.proto; tensors of other types are no scalars
_CODES = {1: "f", 2: "d", 3: "i", 9: "q", 10: "?", 19: "e"}
_TEXT_SETTINGS = {"args/text_summary": "arguments", "model_config/text_summary": "model"}  # of transformers


@RUN_READERS.register("tensorboard")
class TensorBoard(RunReader):
    """Event files of TensorBoard (event.proto, summary.proto, tensor.proto of its sources, Apache-2.0, 2015 on).

    Every folder with event files is a run, called by its path; its files are read in the order of their names, and a
    later value of the same step counts. Scalars are `simple_value`s and tensors of one number.
    """

    title = "TensorBoard"

    def recognises(self, path: Path) -> bool:
        return next(_files(path), None) is not None

    def read(self, path: Path, found: Found) -> None:
        runs: dict[Path, FoundRun] = {}
        for file in _files(path):
            folder = file.parent
            if folder not in runs:
                inside = folder.relative_to(path).as_posix() if path.is_dir() else "."
                runs[folder] = found.run(folder.name if inside == "." else inside, "tensorboard")
            _read(file, runs[folder], found)
        if not runs:
            raise InputError(Problem("no event file in it", "path", str(path), hint=f"their names hold {_MARK!r}"))


def _files(path: Path) -> Iterator[Path]:
    files = sorted(path.rglob(f"*{_MARK}*")) if path.is_dir() else [path] if _MARK in path.name else []
    yield from (file for file in files if file.is_file() and not file.is_symlink())


def _read(file: Path, run: FoundRun, found: Found) -> None:
    plugins: dict[str, str] = {}  # tag → plugin: told with a tag's first value only
    for line, record in enumerate(records(file), start=1):
        try:
            _event(record, run, plugins, found)
        except (ValueError, struct.error) as error:
            problem = Problem(f"is no event: {error}", "record", str(file), line, hint="is it an event file?")
            raise InputError(problem) from error


def _event(record: bytes, run: FoundRun, plugins: dict[str, str], found: Found) -> None:
    time, step = float("nan"), 0
    summaries: list[bytes] = []
    for number, value in wire.fields(record):
        if number == 1:
            time = wire.double(value)
        elif number == 2:
            step = wire.signed(value)
        elif number == 5:
            summaries.append(wire.message(value))
        elif number == 7 and dict(wire.fields(wire.message(value))).get(1) == _SESSION_START and step > 0:
            run.points.forget_from(step)
    for summary in summaries:
        for number, item in wire.fields(summary):
            if number == 1:
                _value(wire.message(item), max(step, 0), time, run, plugins, found)


def _value(item: bytes, step: int, time: float, run: FoundRun, plugins: dict[str, str], found: Found) -> None:
    parts = dict(wire.fields(item))
    tag = wire.text(parts.get(1, b""))
    if 9 in parts:
        _metadata(tag, wire.message(parts[9]), run, plugins)
    if 2 in parts:
        run.points.add(tag, step, time, wire.single(parts[2]))
    elif 8 in parts and tag in _TEXT_SETTINGS:
        run.settings[_TEXT_SETTINGS[tag]] = _json(wire.message(parts[8]))
    elif 8 in parts and plugins.get(tag, "scalars") == "scalars":
        value = _scalar(wire.message(parts[8]))
        if value is not None:
            run.points.add(tag, step, time, value)
    elif set(parts) & {3, 4, 5, 6, 8}:
        found.note("images, histograms, sounds and texts are left out")


def _metadata(tag: str, metadata: bytes, run: FoundRun, plugins: dict[str, str]) -> None:
    """SummaryMetadata.plugin_data: its name, and for hyperparameters its content."""
    plugin = dict(wire.fields(wire.message(dict(wire.fields(metadata)).get(1, b""))))
    plugins[tag] = wire.text(plugin.get(1, b""))
    if plugins[tag] == "hparams":
        run.settings.update(_hyperparameters(wire.message(plugin.get(2, b""))))


def _hyperparameters(content: bytes) -> Iterator[tuple[str, Any]]:
    """HParamsPluginData.session_start_info.hparams: a map to google.protobuf.Value."""
    start = dict(wire.fields(content)).get(3, b"")
    for number, entry in wire.fields(wire.message(start)):
        if number == 1:
            pair = dict(wire.fields(wire.message(entry)))
            value = dict(wire.fields(wire.message(pair.get(2, b""))))
            yield wire.text(pair.get(1, b"")), _plain(value)


def _plain(value: dict[int, wire.Value]) -> Any:
    if 2 in value:
        return wire.double(value[2])
    if 3 in value:
        return wire.text(value[3])
    return bool(value[4]) if 4 in value else None


def _scalar(tensor: bytes) -> float | None:
    """The number of a TensorProto that holds exactly one; None for any other."""
    parts = dict(wire.fields(tensor))
    kind = parts.get(1, 0)
    code = _CODES.get(kind) if isinstance(kind, int) else None
    if code is None:
        return None
    if 4 in parts:
        content = wire.message(parts[4])
        return float(struct.unpack(f"<{code}", content)[0]) if len(content) == struct.calcsize(f"<{code}") else None
    if 5 in parts or 6 in parts:
        packed, shape = (parts[5], "<f") if 5 in parts else (parts[6], "<d")
        content = wire.message(packed)
        return float(struct.unpack(shape, content)[0]) if len(content) == struct.calcsize(shape) else None
    return _packed_int(parts, code)


def _packed_int(parts: dict[int, wire.Value], code: str) -> float | None:
    value = parts.get(7, parts.get(10, parts.get(11, parts.get(13))))
    if value is None:
        return None
    numbers = wire.varints(value) if isinstance(value, bytes) else [value]
    if len(numbers) != 1:
        return None
    if code == "e":
        return float(struct.unpack("<e", struct.pack("<H", numbers[0]))[0])
    return float(wire.signed(numbers[0]))


def _json(tensor: bytes) -> Any:
    """A text summary that holds JSON; its text if it holds none."""
    said = wire.text(dict(wire.fields(tensor)).get(8, b""))
    try:
        return json.loads(said)
    except ValueError:
        return said[:10_000]

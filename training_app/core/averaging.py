"""The mean of several models' weights, one tensor in memory at a time.

All float tensors are averaged in float32, norms too; whole numbers are the newest model's; tied weights are written
once. A tensor lies in memory as its sum and one summand, whatever the number of models (arXiv 2511.18903 averages six).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM

from chimera.errors import InputError, Problem
from training_app.core.checkpoint import READING, WEIGHTS, Checkpoint

FLOATS = {"F64", "F32", "F16", "BF16"}
CONFIG = "config.json"
# Entries of a config that change neither what the weights are nor how they are used in the average.
_BESIDE = {"architectures", "attn_implementation", "dtype", "transformers_version", "use_cache", "initializer_range"}
_BESIDE_ENDS = ("_token_id", "dropout")
_SHOWN = 5  # differences in one error


@dataclass(frozen=True)
class Source:
    """One of the models: `field` and `name` say which in the config, `weights` is the file of its whole weights."""

    field: str
    name: str
    checkpoint: Checkpoint
    weights: Path


def whole_weights(checkpoint: Checkpoint, folder: Path) -> Path:
    """The file of all its weights. An adapter is merged into `folder`: mean(B) mean(A) is not mean(B A)."""
    if not checkpoint.is_adapter:
        return checkpoint.path / WEIGHTS
    merged = folder / checkpoint.digest
    checkpoint.load_model().save_pretrained(merged, max_shard_size="1TB")
    return merged / WEIGHTS


def require_alike(sources: Sequence[Source]) -> None:
    """One architecture, one set of sizes, one tokenizer.

    Raises:
        InputError: one differs from the newest; says which, and in what.
    """
    newest = sources[-1]
    settings, words, shapes = _settings(newest), _vocabulary(newest), _shapes(newest)
    for source in sources[:-1]:
        theirs = _settings(source)
        differing = sorted(key for key in settings.keys() | theirs.keys() if settings.get(key) != theirs.get(key))
        if settings["model_type"] != theirs["model_type"]:
            differing = ["model_type"]
        said = [f"{key} is {theirs.get(key)}, not {settings.get(key)}" for key in differing]
        _require_none(source, newest, said, CONFIG)
        tokenizer = [] if _vocabulary(source) == words else ["its tokens have other numbers: another tokenizer"]
        _require_none(source, newest, tokenizer, "tokenizer.json")
        _require_none(source, newest, _other_shapes(_shapes(source), shapes), WEIGHTS)


def _require_none(source: Source, newest: Source, differences: list[str], file: str) -> None:
    if differences:
        more = f" and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
        message = f"{source.name} differs from {newest.name}: {'; '.join(differences[:_SHOWN])}{more}"
        hint = "average checkpoints of one model, best of one run"
        raise InputError(Problem(message, field=source.field, file=file, hint=hint))


def _settings(source: Source) -> dict[str, Any]:
    """What the config says of the model, in the words of this version of `transformers`, whichever wrote it."""
    config = AutoConfig.from_pretrained(source.checkpoint.path, local_files_only=True).to_dict()
    beside = {key for key in config if key in _BESIDE or key.startswith("_") or key.endswith(_BESIDE_ENDS)}
    return {key: value for key, value in config.items() if key not in beside}


def _vocabulary(source: Source) -> dict[str, int]:
    from tokenizers import Tokenizer

    vocabulary: dict[str, int] = Tokenizer.from_file(str(source.checkpoint.tokenizer_path)).get_vocab()
    return vocabulary


def _shapes(source: Source) -> dict[str, tuple[list[int], bool]]:
    """Shape of every tensor that is written, and whether its numbers are averaged."""
    tied = tied_names(source.checkpoint.path)
    with safe_open(source.weights, framework="pt") as file:
        slices = {name: file.get_slice(name) for name in list(file.keys()) if name not in tied}
        return {name: (part.get_shape(), part.get_dtype() in FLOATS) for name, part in slices.items()}


def _other_shapes(theirs: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    said = []
    for name in sorted(theirs.keys() | ours.keys()):
        if name not in theirs or name not in ours:
            said.append(f"{name} is {'missing' if name in ours else 'one tensor more'}")
        elif theirs[name] != ours[name]:
            said.append(f"{name} has shape {theirs[name][0]}, not {ours[name][0]}")
    return said


def tied_names(folder: Path) -> set[str]:
    """Tensors that are others of the same model under a second name; a file may hold them twice or once."""
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    return set(model.all_tied_weights_keys)


def write_average(sources: Sequence[Source], weights: Sequence[float], target: Path, seen: Callable[[], None]) -> int:
    """Write the mean as one safetensors file of float32; returns the number of parameters. `seen`: after each tensor.

    Raises:
        InputError: a model holds NaN or infinity; says which and where.
    """
    shapes = _shapes(sources[-1])
    with ExitStack() as stack, target.open("wb") as out:
        files = [stack.enter_context(safe_open(source.weights, framework="pt")) for source in sources]
        whole = {name: files[-1].get_tensor(name) for name, (_, averaged) in shapes.items() if not averaged}
        names = [*sorted(whole, key=lambda name: (-whole[name].itemsize, name)), *sorted(shapes.keys() - whole.keys())]
        dtypes = {name: files[-1].get_slice(name).get_dtype() for name in whole}
        out.write(_header([(name, dtypes.get(name, "F32"), shapes[name][0], whole.get(name)) for name in names]))
        for name in names:
            tensor = whole[name] if name in whole else _mean(files, weights, name)
            if name not in whole and not bool(torch.isfinite(tensor).all()):
                raise _not_finite(sources, files, name)
            out.write(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
            seen()
    return sum(int(np.prod(shape)) for shape, averaged in shapes.values() if averaged)


def _mean(files: Sequence[Any], weights: Sequence[float], name: str) -> Tensor:
    """Σ weight · tensor in float32, the oldest first."""
    total: Tensor | None = None
    for file, weight in zip(files, weights, strict=True):
        summand: Tensor = file.get_tensor(name).to(torch.float32)
        total = summand.mul(weight) if total is None else total.add_(summand, alpha=weight)
    assert total is not None, "an average has sources"
    return total


def _header(tensors: Sequence[tuple[str, str, list[int], Tensor | None]]) -> bytes:
    """The beginning of a safetensors file: (name, type, shape, its numbers unless they are float32) in the order of the
    bytes that follow, the widest numbers first so that all are aligned."""
    said: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    begin = 0
    for name, dtype, shape, tensor in tensors:
        end = begin + (tensor.nbytes if tensor is not None else 4 * int(np.prod(shape)))
        said[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
        begin = end
    raw = json.dumps(said, separators=(",", ":")).encode()
    raw += b" " * (-len(raw) % 8)
    return len(raw).to_bytes(8, "little") + raw


def _not_finite(sources: Sequence[Source], files: Sequence[Any], name: str) -> InputError:
    bad = [s for s, file in zip(sources, files, strict=True) if not bool(torch.isfinite(file.get_tensor(name)).all())]
    source = bad[0] if bad else sources[-1]
    hint = "leave it out: its run had diverged"
    return InputError(Problem(f"{source.name} holds NaN or infinity in {name}", source.field, WEIGHTS, hint=hint))


def write_reading(newest: Checkpoint, target: Path) -> None:
    """Config, tokenizer and templates of the newest model; the config says float32, as the average is."""
    for name in ("generation_config.json", *READING):
        if (newest.path / name).is_file():
            shutil.copyfile(newest.path / name, target / name)
    config = json.loads((newest.path / CONFIG).read_text(encoding="utf-8"))
    config.pop("torch_dtype", None)
    config["dtype"] = "float32"
    (target / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")

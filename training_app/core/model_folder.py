"""A folder of a model from outside, looked at before anything of it is used: names, JSON and headers only (torch-free).

Everything wrong is found in one look, each problem with its file and field. Pickles and Python are never opened.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chimera.errors import InputError, Problem
from training_app.core.embedder import MODEL_FACTS
from training_app.core.safetensors_files import WeightsFile, read_weights

WEIGHTS, INDEX, CONFIG, TOKENIZER = "model.safetensors", "model.safetensors.index.json", "config.json", "tokenizer.json"
TAKEN = ("generation_config.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja")
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".npz", ".npy", ".h5", ".msgpack")
LARGEST_JSON = 64 << 20  # bytes; the largest tokenizer.json in use has about half of it
LARGEST = {"vocab_size": 4_000_000, "hidden_size": 65_536, "num_hidden_layers": 1_024}
_LICENCE_LINE = re.compile(r"^licen[sc]e:\s*[\"']?([\w.+-]+)", re.MULTILINE)


@dataclass(frozen=True)
class ModelFolder:
    """A folder that passed. `files` are the small files to take, by name; `weights` in the order of their names."""

    path: Path
    config: dict[str, Any]
    weights: list[WeightsFile]
    files: dict[str, Path]
    licence: str

    @property
    def parameters(self) -> int:
        return sum(file.parameters for file in self.weights)

    @property
    def bytes(self) -> int:
        return sum(file.path.stat().st_size for file in self.weights)


def open_folder(path: Path, max_bytes: int) -> ModelFolder:
    """Look at everything in `path`.

    Raises:
        InputError: all that is wrong with it.
    """
    if not path.is_dir():
        hint = "name the folder that holds config.json, model.safetensors and tokenizer.json"
        raise InputError(Problem("there is no such folder", field="source", file=str(path), hint=hint))
    problems = [*_foreign(path), *_missing(path)]
    if problems:
        raise InputError(problems)
    config, problems = _config(path)
    weights, bad_weights = _weights(path)
    problems += bad_weights
    size = sum(file.path.stat().st_size for file in weights)
    if size > max_bytes:
        message = f"the weights have {size / 1e9:.1f} GB, more than the {max_bytes / 1e9:g} GB allowed"
        problems.append(Problem(message, "max_gigabytes", str(path), hint="raise the limit if this is what you want"))
    if problems:
        raise InputError(problems)
    return ModelFolder(path, config, weights, _small_files(path), _licence(path))


def _foreign(path: Path) -> Iterator[Problem]:
    """Links that lead outside, pickles and program code."""
    for file in sorted(path.iterdir()):
        if not file.resolve().is_relative_to(path.resolve()):
            hint = "copy the file itself: cp -L"
            yield Problem("this is a link to a file outside of the folder", file=file.name, hint=hint)
        elif file.suffix in PICKLES:
            hint = "on a machine where you trust it: model.save_pretrained(DIR), then name a folder without this file"
            yield Problem(
                "files of this kind can run code when they are read; never opened here", file=file.name, hint=hint
            )
        elif file.suffix == ".py":
            hint = "only architectures that transformers itself has can be loaded; remove the file"
            yield Problem("a model that brings its own program code is refused", file=file.name, hint=hint)


def _missing(path: Path) -> Iterator[Problem]:
    if not (path / CONFIG).is_file():
        yield Problem("missing", file=CONFIG, hint="save the model with model.save_pretrained(DIR)")
    if not (path / TOKENIZER).is_file():
        hint = "save a fast tokenizer: AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)"
        yield Problem("the tokenizer is missing", file=TOKENIZER, hint=hint)
    if not (path / WEIGHTS).is_file() and not (path / INDEX).is_file():
        yield Problem("there are no weights in safetensors", file=WEIGHTS, hint="save with model.save_pretrained(DIR)")


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object of bounded size.

    Raises:
        InputError: too large, or no JSON object.
    """
    if file.stat().st_size > LARGEST_JSON:
        raise InputError(Problem(f"larger than {LARGEST_JSON >> 20} MB", file=file.name, hint="is it the right file?"))
    try:
        value = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise InputError(Problem("this is not JSON", file=file.name, line=line, hint="fetch the file again")) from None
    if not isinstance(value, dict):
        raise InputError(Problem("this must be a JSON object", file=file.name))
    return value


def _config(path: Path) -> tuple[dict[str, Any], list[Problem]]:
    problems: list[Problem] = []
    found: dict[str, Any] = {}
    for name in (CONFIG, "tokenizer_config.json", "generation_config.json", TOKENIZER):
        try:
            value = read_json(path / name) if (path / name).is_file() else {}
        except InputError as error:
            problems += error.problems
            continue
        found = value if name == CONFIG else found
        if "auto_map" in value:
            hint = "only architectures that transformers itself has can be loaded"
            problems.append(Problem("it asks for program code from its author", "auto_map", name, hint=hint))
    return found, problems + ([] if problems else list(_bad_settings(found)))


def _bad_settings(config: dict[str, Any]) -> Iterator[Problem]:
    if not isinstance(config.get("model_type"), str):
        yield Problem("it does not name an architecture", "model_type", CONFIG, hint='for example "llama"')
    named = config.get("architectures") or ["ForCausalLM"]
    if not (isinstance(named, list) and any(re.search(r"CausalLM|LMHeadModel", str(name)) for name in named)):
        hint = "import a model that continues text"
        yield Problem(f"{named!r} is no causal language model", "architectures", CONFIG, hint=hint)
    if "quantization_config" in config:
        hint = "de-quantise the model (model.dequantize()) and save it again"
        yield Problem("a quantised model cannot be trained", "quantization_config", CONFIG, hint=hint)
    for name, most in LARGEST.items():
        value = config.get(name)
        if value is not None and not (type(value) is int and 1 <= value <= most):
            yield Problem(f"{value!r} is not a whole number from 1 to {most:,}", name, CONFIG)


def _weights(path: Path) -> tuple[list[WeightsFile], list[Problem]]:
    problems: list[Problem] = []
    found: list[WeightsFile] = []
    try:
        names = [WEIGHTS] if (path / WEIGHTS).is_file() else _shards(path)
    except InputError as error:
        return [], error.problems
    for name in names:
        try:
            found.append(read_weights(path / name))
        except InputError as error:
            problems += error.problems
    return found, problems


def _shards(path: Path) -> list[str]:
    """The files that the index names, all of them in the folder itself."""
    said = read_json(path / INDEX).get("weight_map")
    if not isinstance(said, dict) or not said or not all(isinstance(name, str) for name in said.values()):
        raise InputError(Problem("it must map tensors to files", "weight_map", INDEX))
    names = sorted(set(said.values()))
    problems = [
        Problem(f"the index names {name!r}, which is not in this folder", "weight_map", INDEX, hint="fetch all files")
        for name in names
        if Path(name).name != name or Path(name).suffix != ".safetensors" or not (path / name).is_file()
    ]
    if problems:
        raise InputError(problems)
    return names


def _small_files(path: Path) -> dict[str, Path]:
    names = [CONFIG, TOKENIZER, *TAKEN]
    names += [file.name for file in path.iterdir() if re.fullmatch(r"(LICEN[SC]E|NOTICE|COPYING)(\.\w+)?", file.name)]
    return {name: path / name for name in names if (path / name).is_file()}


def _licence(path: Path) -> str:
    """What the folder says of its licence: `make models`' note, or the head of its README; "" if it says nothing."""
    if (path / MODEL_FACTS).is_file():
        return str(read_json(path / MODEL_FACTS).get("license", ""))[:60]
    readme = path / "README.md"
    head = readme.open(encoding="utf-8", errors="replace").read(10_000) if readme.is_file() else ""
    said = _LICENCE_LINE.search(head) if head.startswith("---") else None
    return said.group(1)[:60] if said else ""

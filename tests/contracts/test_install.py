"""The lock files, what is installed, and what must not be."""

import os
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from chimera.launch import lock

ROOT = Path(__file__).resolve().parents[2]
FILES = ["requirements.lock", "requirements-dev.lock"]


def installed() -> dict[str, str]:
    return {canonicalize_name(item.metadata["Name"]): item.version for item in distributions()}


def pins(file: str) -> dict[str, str]:
    """Name → version of the lines that count on this Python."""
    lines = [Requirement(line) for line in (ROOT / file).read_text().splitlines() if not line.startswith("#")]
    here = [line for line in lines if line.marker is None or line.marker.evaluate()]
    return {line.name: str(line.specifier).removeprefix("==") for line in here}


@pytest.mark.parametrize("file", FILES)
def test_what_is_locked_is_installed_in_that_version(file: str) -> None:
    here = installed()
    wrong = {name: here.get(name) for name, version in pins(file).items() if _public(here.get(name)) != version}
    assert wrong == {}


def _public(version: str | None) -> str | None:
    return version and Version(version).public


@pytest.mark.parametrize("file", FILES)
def test_the_lock_names_all_that_the_declared_dependencies_bring(file: str) -> None:
    assert (ROOT / file).read_text() == lock.render()[file]


def test_every_version_declared_in_pyproject_is_the_locked_one() -> None:
    locked = pins(FILES[0]) | pins(FILES[1])
    for text in [*lock.declared()[0], *lock.declared()[1]]:
        requirement = Requirement(text)
        assert locked[canonicalize_name(requirement.name)] in requirement.specifier, text


@pytest.mark.skipif(bool(os.environ.get("TORCH_INDEX")), reason="another build of torch was asked for")
def test_the_default_install_brings_no_nvidia_package() -> None:
    found = [name for name in installed() if name.startswith("nvidia-")]
    assert found == [], "for the CPU build: make clean; make run TORCH_INDEX=https://download.pytorch.org/whl/cpu"

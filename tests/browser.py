"""Which Chromium drives the browser tests. `python -m tests.browser` prints it, or says what to do."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ADVICE = (
    "The browser tests need Chromium or Chrome: install Debian's package `chromium` (as root, `make test` does so) "
    "or set CHROMIUM=/path/to/chrome."
)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def find_chromium() -> Path:
    """The browser's program.

    Raises:
        SystemExit: there is none, with the sentence that says what to do.
    """
    chosen = os.environ.get("CHROMIUM")
    if chosen:
        if not Path(chosen).is_file():
            raise SystemExit(f"CHROMIUM={chosen} is not a file. {ADVICE}")
        return Path(chosen)
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return Path(found)
    raise SystemExit(ADVICE)


if __name__ == "__main__":
    print(find_chromium())

"""JSON Lines, plain or compressed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from curriculum_app.core.readers.base import Bad, Raw, excerpt
from curriculum_app.core.readers.byte_lines import TooLong, byte_lines


def read_jsonl(path: Path, max_bytes: int) -> Iterator[Raw | Bad]:
    """One record a line; blank lines are skipped. Every kind of damage in a line makes that line `Bad`."""
    for number, line in byte_lines(path, max_bytes):
        if isinstance(line, TooLong):
            yield Bad(number, f"longer than {max_bytes} bytes", excerpt(line.head))
        elif line.strip():
            yield _parse(number, line.removeprefix(b"\xef\xbb\xbf"))


def _parse(number: int, line: bytes) -> Raw | Bad:
    try:
        value: Any = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Bad(number, "not UTF-8", f"at byte {error.start}: {excerpt(line[error.start :])}")
    except (ValueError, RecursionError) as error:
        return Bad(number, "not JSON", f"{error}: {excerpt(line)}")
    if not isinstance(value, dict):
        return Bad(number, "not a JSON object", excerpt(line))
    return Raw(number, value)

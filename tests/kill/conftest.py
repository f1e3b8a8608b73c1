"""The family of processes that a test starts: none of them outlives it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chimera.launch.processes import Family


@pytest.fixture
def family() -> Iterator[Family]:
    family = Family()
    yield family
    family.stop()

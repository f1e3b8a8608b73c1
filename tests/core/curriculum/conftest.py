"""One small stored table shared by the tests of this room."""

import pytest

from chimera.artefacts import ArtefactStore
from curriculum_app.core.sequences import SequenceTable
from tests.core.curriculum.sequence_factory import build_sequences


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> SequenceTable:
    return build_sequences(ArtefactStore(tmp_path_factory.mktemp("table")))

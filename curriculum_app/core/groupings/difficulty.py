"""By difficulty: the bins of length and density that curricula over difficulty speak of."""

from __future__ import annotations

import chimera.typed
from curriculum_app.core.groupings.base import GROUPINGS, Corpus, DocumentGrouping, Groups


@GROUPINGS.register("difficulty")
class Difficulty(DocumentGrouping):
    """Bins of length by bins of density, ranks within a domain. Chimera's own proxy, see docs/curricula.md.

    How many bins there are, and what density is, stands in the job's own settings: the pool is drawn by them too.
    """

    title = "Difficulty"
    summary = "Length by density, within each domain; curricula from easy to hard follow it."
    key = "difficulty"

    class Config(chimera.typed.Config):
        pass

    def __init__(self, config: Config) -> None:
        self.config = config

    def assign(self, corpus: Corpus) -> Groups:
        return corpus.difficulty

"""Models that `make models` has put into the data directory."""

from __future__ import annotations

from training_app.core.embedder import TransformerEmbedder
from training_app.selectors.installed_models import installed_models


def embedder() -> TransformerEmbedder:
    """The sentence encoder of this installation.

    Raises:
        InputError: it is not installed.
    """
    return TransformerEmbedder.open(installed_models() / "minilm")

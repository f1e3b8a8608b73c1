"""Models that `make models` has put into the data directory."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from training_app.core.embedder import TransformerEmbedder


def installed_models() -> Path:
    """The directory of this installation that holds one folder per installed model."""
    return Path(settings.DATA_DIR) / "models"


def embedder() -> TransformerEmbedder:
    """The sentence encoder of this installation.

    Raises:
        InputError: it is not installed.
    """
    return TransformerEmbedder.open(installed_models() / "minilm")

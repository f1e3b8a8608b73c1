"""Where the models lie that `make models` has installed."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings


def installed_models() -> Path:
    """The directory of this installation that holds one folder per installed model."""
    return Path(settings.DATA_DIR) / "models"

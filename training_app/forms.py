"""Forms of training. Bounds are the config's business."""

from __future__ import annotations

from typing import Any

from django import forms

from chimera.source_forms import UploadOrPath
from training_app.core.run_readers.base import RUN_READERS


class ImportRunForm(UploadOrPath):
    """What finished runs are imported."""

    reader = forms.ChoiceField(required=False, initial="auto", label="Read as")
    group = forms.CharField(required=False, max_length=200, help_text="Runs of one group are compared with each other.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = sorted(((entry.key, entry.title) for entry in RUN_READERS), key=lambda choice: choice[0] != "auto")
        self.fields["reader"].choices = choices  # type: ignore[attr-defined]
        self.fields[
            "file"
        ].help_text = (
            "A TensorBoard event file, mlflow.db, a history as CSV, JSON or JSON Lines; a folder as an archive."
        )
        self.fields["path"].help_text = "A file, or a folder such as runs/ or mlruns/: for what is too large to upload."

    def clean_reader(self) -> str:
        return self.cleaned_data["reader"] or "auto"

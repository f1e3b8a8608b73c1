"""Forms of training. Bounds are the config's business."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from chimera.format import byte_size
from training_app.core.run_readers.base import RUN_READERS


class ImportRunForm(forms.Form):
    """What finished runs are imported: an upload, or a path on the worker's machine."""

    file = forms.FileField(
        required=False,
        help_text="A TensorBoard event file, mlflow.db, a history as CSV, JSON or JSON Lines; a folder as an archive.",
    )
    path = forms.CharField(
        required=False,
        label="or a path on the worker",
        help_text="A file, or a folder such as runs/ or mlruns/: for what is too large to upload.",
    )
    reader = forms.ChoiceField(required=False, initial="auto", label="Read as")
    group = forms.CharField(required=False, max_length=200, help_text="Runs of one group are compared with each other.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = sorted(((entry.key, entry.title) for entry in RUN_READERS), key=lambda choice: choice[0] != "auto")
        self.fields["reader"].choices = choices  # type: ignore[attr-defined]

    def clean_reader(self) -> str:
        return self.cleaned_data["reader"] or "auto"

    def clean_file(self) -> UploadedFile[bytes] | None:
        file: UploadedFile[bytes] | None = self.cleaned_data["file"]
        limit = settings.MAX_UPLOAD_BYTES
        if file is not None and file.size is not None and file.size > limit:
            raise forms.ValidationError(f"larger than {byte_size(limit)}: name its path on the worker instead")
        return file

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if "file" in data and bool(data["file"]) == bool(data.get("path")):
            raise forms.ValidationError("choose a file, or name a path: one of the two")
        return data

"""The form of what is brought in: an upload, or a path on the worker's machine."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from chimera.format import byte_size


class UploadOrPath(forms.Form):
    """One of the two; subclasses say in their help what they read."""

    file = forms.FileField(required=False)
    path = forms.CharField(required=False, label="or a path on the worker")

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

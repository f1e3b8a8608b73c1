"""Forms of the taxonomy, the upload and the themes. Bounds and uniqueness are the services' business."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from chimera.errors import InputError
from chimera.format import byte_size


class NodeForm(forms.Form):
    """What a node of the taxonomy says."""

    name = forms.CharField(max_length=120)
    slug = forms.SlugField(
        max_length=80, required=False, help_text="Unique under its parent; empty makes it from the name."
    )
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}))
    weight = forms.FloatField(initial=1.0, min_value=0, help_text="How much it counts beside its siblings.")
    target_count = forms.IntegerField(
        initial=0, min_value=0, label="Target items", help_text="How many items you want for it; 0 for no target."
    )


class MoveForm(forms.Form):
    """Where a node hangs."""

    parent = forms.ChoiceField(required=False, label="Hang under")

    def __init__(self, *args: Any, targets: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["parent"].choices = [("", "top of the tree"), *targets]  # type: ignore[attr-defined]


def add_problems(form: forms.Form, error: InputError) -> None:
    """Show each problem at its field, or above the form when it has none there."""
    for problem in error.problems:
        message = problem.message + (f" ({problem.hint})" if problem.hint else "")
        if problem.field in form.fields:
            form.add_error(problem.field, message)
        else:
            form.add_error(None, f"{problem.field}: {message}" if problem.field else message)


class UploadForm(forms.Form):
    """A file and how to read it; becomes the config of an import job."""

    file = forms.FileField(help_text="JSON Lines, Parquet or CSV, also compressed (.gz, .zst).")
    name = forms.CharField(max_length=200, help_text="A known name gives its next version.")
    domain = forms.CharField(initial="text", help_text="For records that do not name their own: prose, code, web …")
    content = forms.ChoiceField(
        choices=[("text", "plain text"), ("html", "raw HTML"), ("code", "source code")], label="What the text holds"
    )
    source = forms.CharField(required=False, help_text="Where the records come from.")
    license = forms.CharField(required=False, label="Licence", help_text="SPDX name, for records without their own.")
    text_key = forms.CharField(initial="text", label="Key of the text", help_text="a.b.c reaches into objects.")
    id_key = forms.CharField(required=False, label="Key of the id", help_text="Empty: file name and line.")
    title_key = forms.CharField(required=False, label="Key of the title")
    url_key = forms.CharField(required=False, label="Key of the URL")

    def clean_file(self) -> UploadedFile[bytes]:
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        limit = settings.MAX_UPLOAD_BYTES
        if file.size is not None and file.size > limit:
            raise forms.ValidationError(f"larger than {byte_size(limit)}: import it by its path on the worker instead")
        return file

    def job_config(self, path: str) -> dict[str, Any]:
        """The raw config of the import job for the file stored at `path`."""
        data = self.cleaned_data
        mapping = {field: data[f"{field}_key"] for field in ("text", "id", "title", "url") if data[f"{field}_key"]}
        same = {field: data[field] for field in ("name", "domain", "content", "source", "license")}
        return {**same, "path": path, "mapping": mapping}


class ThemeForm(forms.Form):
    """A question about texts."""

    name = forms.CharField(max_length=120)
    question = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="What must a reader decide? Say what counts as yes and what as no.",
    )


class TrainForm(forms.Form):
    """What a classifier is trained beside."""

    dataset = forms.ChoiceField(label="Score the documents of")
    encoder = forms.ChoiceField(help_text="Turns texts into vectors; the classifier is a line through them.")
    target_precision = forms.FloatField(
        initial=0.8, min_value=0.01, max_value=1, label="Precision to aim at", help_text="Sets the first threshold."
    )

    def __init__(self, offered: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["dataset"].choices = offered["datasets"]  # type: ignore[attr-defined]
        self.fields["encoder"].choices = offered["encoders"]  # type: ignore[attr-defined]
        self.fields["encoder"].initial = offered["encoder"]


class SubsetForm(forms.Form):
    """A threshold and the name of what passes it."""

    name = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"class": "control"}))
    threshold = forms.FloatField(
        min_value=0, max_value=1, widget=forms.NumberInput(attrs={"step": "0.005", "class": "control"})
    )

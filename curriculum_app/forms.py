"""Forms of the taxonomy, of imports and of themes. Bounds and uniqueness are the services' business."""

from __future__ import annotations

from typing import Any, get_args

from django import forms

from chimera.errors import InputError
from chimera.source_forms import UploadOrPath
from curriculum_app.core.configs import Format


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


class SourceForm(UploadOrPath):
    """What is to be imported."""

    format = forms.ChoiceField(
        required=False,
        initial="auto",
        choices=[(name, "by its name" if name == "auto" else name) for name in get_args(Format)],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[
            "file"
        ].help_text = "JSON Lines, Parquet, CSV …, also packed (.gz, .zst); or a folder as .zip, .tar.gz, .tar.zst."
        self.fields["path"].help_text = "A file, or a folder of files: for what is too large to upload."


class ImportForm(forms.Form):
    """What an import says beside its mapping. pydantic judges the values, as at the other doors."""

    name = forms.CharField(required=False, help_text="A known name gives its next version.")
    domain = forms.CharField(required=False, initial="text", help_text="For records without their own.")
    content = forms.ChoiceField(
        choices=[("text", "plain text"), ("html", "raw HTML"), ("code", "source code")], label="The text holds"
    )
    source = forms.CharField(required=False, help_text="Where the records come from.")
    license = forms.CharField(required=False, label="Licence", help_text="SPDX name, for records without their own.")
    max_bad_fraction = forms.CharField(
        required=False, initial="0.01", label="Bad records at most", help_text="A share; more fail the import."
    )

    def said(self) -> dict[str, Any]:
        """What was filled in, as the raw config; an empty share of bad records is the default."""
        values = {name: value for name, value in self.cleaned_data.items() if name != "max_bad_fraction"}
        share = self.cleaned_data.get("max_bad_fraction")
        return values | ({"max_bad_fraction": share} if share else {})


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

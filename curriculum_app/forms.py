"""Forms of the taxonomy and of the upload. Bounds and uniqueness are the services' business."""

from __future__ import annotations

from typing import Any

from django import forms

from chimera.errors import InputError


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
        form.add_error(problem.field if problem.field in form.fields else None, message)

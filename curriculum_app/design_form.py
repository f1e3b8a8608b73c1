"""The form of the designer: that of a draft, where the settings of a drawn policy are one value that is drawn."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict

from chimera.config_forms import ConfigForm, JsonField, Section
from chimera.errors import Problem
from chimera.form_shapes import label_of
from chimera.typed import Config
from curriculum_app.core.policies.base import POLICIES

DRAWN = "drawn"  # the policy whose settings the designer draws
SETTINGS = "policy.config"
_BESIDE = (
    "grouping",
    "scale",
    "most_passes",
    "length_term",
    "search",
    "sigma",
)  # its settings that stand beside the drawing


class DesignForm(ConfigForm):
    """`policy.config` is one JSON field for the drawn policy, and fields of their own for any other.

    `problems` are those of the last validation, with the whole path of each.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.problems: list[Problem] = []
        super().__init__(*args, **kwargs)

    def add_problems(self, problems: list[Problem]) -> None:
        self.problems += problems
        super().add_problems(problems)

    def _add_settings(
        self, path: str, key: str, config: type[Config], values: Mapping[str, Any], section: Section
    ) -> None:
        data = self.data if isinstance(self.data, QueryDict) else QueryDict(mutable=True)
        if key != DRAWN:
            data.pop(SETTINGS, None)
            super()._add_settings(path, key, config, values, section)
            return
        text = json.dumps(values, indent=1, ensure_ascii=False)
        for name in [name for name in data if name.startswith(f"{SETTINGS}.")]:
            del data[name]  # settings of the policy that was chosen before
        data.setdefault(SETTINGS, text)
        data[f"{path}.shown"] = key
        area = JsonField(initial=text, widget=forms.Textarea({"rows": 12, "spellcheck": "false", "class": "mono"}))
        area.label = "Settings as JSON"
        area.help_text = "What is drawn, as REST and the command line take it."
        self._put_field(SETTINGS, area, section, lambda value: value or {})

    @property
    def policy(self) -> str:
        """The key of the policy that is chosen."""
        return str(self["policy.key"].value())


def settings_beside() -> list[dict[str, Any]]:
    """Name, title, help and kind of the drawn policy's settings that are no drawing."""
    config = POLICIES.get(DRAWN).config
    schema = config.model_json_schema()["properties"]
    return [
        {
            "name": name,
            "title": label_of(name, info),
            "help": info.description or "",
            "options": schema[name].get("enum", []),
            "number": schema[name].get("type") == "number",
        }
        for name, info in config.model_fields.items()
        if name in _BESIDE
    ]

"""The frozen config of a run as tables, with the titles and units that its model declares."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from chimera.form_shapes import bare, is_subclass
from chimera.registry import Choice
from chimera.typed import Config
from training_app.core.architectures.base import ARCHITECTURES
from training_app.core.configs import TrainConfig
from training_app.core.configs_external import ExternalRunConfig
from training_app.models import TrainingRun

SIZES = (("num_layers", "layers"), ("hidden_size", "wide"), ("num_heads", "heads"))


@dataclass(frozen=True)
class Setting:
    """One line: what it is called in the form, its dotted name, its value, and whether that is the default."""

    title: str
    name: str
    value: str
    default: bool


@dataclass(frozen=True)
class ConfigFacts:
    """`sections` are (title, settings); `json` is exactly what was frozen with the job."""

    sections: list[tuple[str, list[Setting]]]
    json: str
    fingerprint: str


def planned_chart_available(run: TrainingRun) -> bool:
    """Whether the schedule carries the report that its charts draw."""
    return run.schedule is not None and bool(run.schedule.manifest.get("adherence", {}).get("points"))


def config_facts(run: TrainingRun) -> ConfigFacts:
    """The config as it was when the run was started, whatever the form says today."""
    config = run.job.config
    if run.foreign:
        return ConfigFacts(_foreign(config), json.dumps(config, indent=2, ensure_ascii=False), run.job.fingerprint)
    own = [_setting(TrainConfig, name, config[name]) for name in TrainConfig.model_fields if _plain(config.get(name))]
    nested = [
        (str(info.title), _section(bare(info.annotation), name, config[name]))
        for name, info in TrainConfig.model_fields.items()
        if isinstance(config.get(name), dict)
    ]
    chosen = config.get("probes")
    probes = [_probe(probe, f"probes.{place}") for place, probe in enumerate(_list(chosen))]
    others = config.keys() - TrainConfig.model_fields.keys()  # of a form that has changed since
    gone = [Setting(name, name, _line(config[name]), True) for name in sorted(others)]
    more = [("Probes", probes), ("Settings of another time", gone)]
    sections = [("Run", own), *nested, *((title, settings) for title, settings in more if settings)]
    return ConfigFacts(sections, json.dumps(config, indent=2, ensure_ascii=False), run.job.fingerprint)


def _probe(probe: Any, name: str) -> Setting:
    if not isinstance(probe, dict) or not isinstance(probe.get("key"), str):
        return Setting("probe", name, _line(probe), False)
    return Setting(probe["key"].replace("_", " "), name, _line(probe.get("config", {})), False)


def model_line(run: TrainingRun) -> str:
    """What a run trains, in a few words: a new model by architecture and sizes, or its base and adapter."""
    config = run.job.config
    adapter = _dict(config.get("adapter")).get("key", "none")
    if config.get("base"):
        return f"{config['base']}, {'all weights' if adapter == 'none' else adapter.upper()}"
    chosen = _dict(config.get("model"))
    sizes = _dict(chosen.get("config", chosen))  # runs of old hold the sizes themselves
    title = next((entry.title for entry in ARCHITECTURES if entry.key == chosen.get("key", "llama")), "")
    parts = [f"{sizes[name]} {word}" for name, word in SIZES if sizes.get(name)]
    return ", ".join([title or str(sizes.get("model_type", "")), *parts])


def _foreign(config: dict[str, Any]) -> list[tuple[str, list[Setting]]]:
    """What a foreign program has told: a section for each group of its settings, and one for those without."""
    own = [_setting(ExternalRunConfig, name, config[name]) for name in config if _plain(config[name])]
    said = config["settings"]
    loose = [Setting(name, f"settings.{name}", _line(value), True) for name, value in said.items() if not _group(value)]
    groups = [
        (
            name.replace("_", " ").capitalize(),
            [Setting(k, f"settings.{name}.{k}", _line(v), True) for k, v in value.items()],
        )
        for name, value in said.items()
        if _group(value)
    ]
    return [("Run", own), *([("Settings", loose)] if loose else []), *groups]


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _group(value: Any) -> bool:
    return isinstance(value, dict) and bool(value)


def _plain(value: Any) -> bool:
    return value is not None and not isinstance(value, dict | list)


def _section(kind: Any, name: str, value: dict[str, Any]) -> list[Setting]:
    """The lines of a nested config, or of a chosen extension with its settings."""
    if not is_subclass(kind, Choice) or "key" not in value:
        return _nested(kind, name, value)
    key, settings = value["key"], value.get("config", {})
    entry = next((entry for entry in kind.registry() if entry.key == key), None)
    chosen = Setting("Kind", f"{name}.key", entry.title if entry is not None else key, False)
    declared = entry.config if entry is not None else Config  # an extension that is gone shows its names as they were
    return [chosen, *(_setting(declared, option, item, f"{name}.config.") for option, item in settings.items())]


def _nested(model: Any, prefix: str, values: dict[str, Any]) -> list[Setting]:
    return [_setting(model, name, value, f"{prefix}.") for name, value in values.items()]


def _setting(model: type[BaseModel], name: str, value: Any, prefix: str = "") -> Setting:
    field = model.model_fields.get(name)
    title = (field.title if field is not None else None) or name.replace("_", " ")
    default = field is not None and not field.is_required() and field.get_default(call_default_factory=True) == value
    return Setting(title, f"{prefix}{name}", _line(value), default)


def _line(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_line(item)}" for name, item in value.items())
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)

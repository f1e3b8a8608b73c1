"""Registries of extensions: one file per extension, found by importing its package (pure)."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import Field, ValidationError, model_validator

from chimera.errors import InputError, NestedProblems, Problem, problems_of
from chimera.typed import Config

C = TypeVar("C")


@dataclass(frozen=True)
class Entry(Generic[C]):
    """One registered extension: `cls` is built as `cls(config)` where config is an instance of `cls.Config`."""

    key: str
    cls: type[C]

    @property
    def config(self) -> type[Config]:
        return self.cls.Config  # type: ignore[attr-defined, no-any-return]

    @property
    def title(self) -> str:
        return str(getattr(self.cls, "title", self.key))


class Registry(Generic[C]):
    """Extensions of one kind by key. `Registry("policy", "curriculum_app.core.policies")`."""

    def __init__(self, name: str, package: str) -> None:
        self.name = name
        self.package = package
        self._entries: dict[str, Entry[C]] = {}

    def register(self, key: str) -> Callable[[type[C]], type[C]]:
        def add(cls: type[C]) -> type[C]:
            if key in self._entries:
                raise ValueError(f"{self.name} {key!r} is registered twice")
            self._entries[key] = Entry(key, cls)
            return cls

        return add

    def _load(self) -> None:
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{self.package}.{module.name}")

    def __iter__(self) -> Iterator[Entry[C]]:
        self._load()
        return iter(sorted(self._entries.values(), key=lambda entry: entry.key))

    def get(self, key: str) -> Entry[C]:
        """The entry of `key`.

        Raises:
            InputError: no such key; the message offers the nearest one.
        """
        if key not in self._entries:  # looking through the folder takes longer than all the rest
            self._load()
        if key in self._entries:
            return self._entries[key]
        near = difflib.get_close_matches(key, self._entries, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(sorted(self._entries))}"
        raise InputError(Problem(f"unknown {self.name} {key!r}", field="key", hint=hint))

    def key_of(self, cls: type[C]) -> str:
        """The key under which a class is registered."""
        return next(entry.key for entry in self._entries.values() if entry.cls is cls)

    def build(self, key: str, config: dict[str, Any] | None = None) -> C:
        """The extension `key` with a validated config (defaults for what is absent)."""
        entry = self.get(key)
        try:
            validated = entry.config.model_validate(config or {})
        except ValidationError as error:
            raise InputError(problems_of(error, prefix="config")) from error
        return entry.cls(validated)  # type: ignore[call-arg]


class Choice(Config):
    """A chosen extension inside a config: `{"key": "shuffle", "config": {...}}`. Subclasses name their `registry`.

    `usual` is the key that a form offers first where a new one is added to a list; without it, one not yet there.
    """

    usual: ClassVar[str] = ""
    key: str = Field(title="Kind")
    config: dict[str, Any] = Field(default_factory=dict, title="Settings")

    @classmethod
    def registry(cls) -> Registry[Any]:
        raise NotImplementedError

    @model_validator(mode="after")
    def _validated(self) -> Choice:
        try:
            entry = self.registry().get(self.key)
            complete = entry.config.model_validate(self.config).as_json()
        except InputError as error:
            raise NestedProblems(error.problems) from error
        except ValidationError as error:
            raise NestedProblems(problems_of(error, prefix="config")) from error
        object.__setattr__(self, "config", complete)
        return self

    def build(self) -> Any:
        return self.registry().build(self.key, self.config)

    def settings(self) -> Config:
        """`config` as the extension's own type."""
        return self.registry().get(self.key).config.model_validate(self.config)

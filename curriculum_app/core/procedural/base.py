"""The contract of a generator of procedural strings and the registry of all of them (pure).

Symbols stand apart by single spaces. A byte-level BPE never joins across a space and another symbol, so every symbol is
a token of its own where the vocabulary has it, and the strings' structure is not lost in merges.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from random import Random
from typing import Any, ClassVar

from pydantic import Field

from chimera.registry import Choice, Registry
from chimera.typed import Config

LETTERS = "abcdefghijklmnopqrstuvwxyz"
EQUALS = "="


class Generator(ABC):
    """Writes strings and knows exactly whether a string is one it could have written."""

    title: ClassVar[str]
    summary: ClassVar[str]
    Config: ClassVar[type[Config]]

    def __init__(self, config: Any) -> None:
        self.config = config

    @property
    def level(self) -> str:
        """How hard its strings are, in words: its settings."""
        return ", ".join(f"{name} {value}" for name, value in self.config.as_json().items())

    @abstractmethod
    def sample(self, random: Random) -> str:
        """One string; equal states of `random` give equal strings."""

    @abstractmethod
    def fault(self, text: str) -> str:
        """What is wrong with a string, empty where nothing is."""


class Task(Generator):
    """A string of the form `input = output` over single symbols."""

    @abstractmethod
    def question(self, random: Random) -> list[str]:
        """The symbols before the equals sign."""

    @abstractmethod
    def answer(self, question: list[str]) -> list[str]:
        """The symbols after it.

        Raises:
            ValueError: the question is none of this generator; says why.
        """

    def sample(self, random: Random) -> str:
        question = self.question(random)
        return " ".join([*question, EQUALS, *self.answer(question)])

    def fault(self, text: str) -> str:
        question, found, said = text.partition(f" {EQUALS}")
        if not found:
            return "has no equals sign"
        try:
            right = self.answer(question.split(" "))
        except ValueError as error:
            return str(error)
        return "" if said == "".join(f" {symbol}" for symbol in right) else f"is not {' '.join(right)!r}"

    def check(self, question: list[str], symbols: str, length: int) -> None:
        """The question has `length` symbols of these.

        Raises:
            ValueError: it does not.
        """
        if len(question) != length:
            raise ValueError(f"has {len(question)} symbols before the equals sign, not {length}")
        if unknown := [symbol for symbol in question if len(symbol) != 1 or symbol not in symbols]:
            raise ValueError(f"holds {unknown[0]!r}")


class LettersConfig(Config):
    """Of tasks over letters."""

    symbols: int = Field(26, title="Symbols", description="Different letters.", ge=2, le=26)
    length: int = Field(16, title="Length", description="Letters to begin with.", ge=1, le=4096)


class LettersTask(Task):
    """A task whose question is `length` random letters; `made` is what follows from them."""

    config: LettersConfig

    @abstractmethod
    def made(self, letters: list[str]) -> list[str]:
        """The symbols after the equals sign."""

    def question(self, random: Random) -> list[str]:
        return [LETTERS[random.randrange(self.config.symbols)] for _ in range(self.config.length)]

    def answer(self, question: list[str]) -> list[str]:
        self.check(question, LETTERS[: self.config.symbols], self.config.length)
        return self.made(question)


GENERATORS: Registry[Generator] = Registry("generator", "curriculum_app.core.procedural")


class GeneratorChoice(Choice):
    """A generator with its settings, as a config names it."""

    @classmethod
    def registry(cls) -> Registry[Any]:
        return GENERATORS

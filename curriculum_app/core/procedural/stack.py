"""Pushing onto a stack and popping from it."""

from __future__ import annotations

from random import Random

from pydantic import Field

import chimera.typed
from curriculum_app.core.procedural.base import GENERATORS, LETTERS, Task

POP = "^"


@GENERATORS.register("stack")
class Stack(Task):
    """Stack operations and what they leave (procedural pre-pretraining, arXiv 2601.21725).

    A letter is pushed, ^ pops; after the equals sign stands the stack, bottom first: `a b ^ c = a c`. An empty stack is
    pushed to, a full one popped, else a coin decides.
    """

    title = "Stack operations"
    summary = "Letters are pushed, ^ pops, and the stack that is left is written out."

    class Config(chimera.typed.Config):
        symbols: int = Field(8, title="Symbols", description="Different letters.", ge=1, le=26)
        length: int = Field(32, title="Length", description="Operations.", ge=1, le=4096)
        depth: int = Field(16, title="Depth", description="Letters on the stack, at most.", ge=1, le=1024)

    config: Config

    def question(self, random: Random) -> list[str]:
        operations, size = list[str](), 0
        for _ in range(self.config.length):
            pushes = size == 0 or (size < self.config.depth and random.random() < 0.5)
            operations.append(LETTERS[random.randrange(self.config.symbols)] if pushes else POP)
            size += 1 if pushes else -1
        return operations

    def answer(self, question: list[str]) -> list[str]:
        self.check(question, LETTERS[: self.config.symbols] + POP, self.config.length)
        stack: list[str] = []
        for operation in question:
            if operation != POP:
                stack.append(operation)
            elif not stack:
                raise ValueError("pops an empty stack")
            else:
                stack.pop()
            if len(stack) > self.config.depth:
                raise ValueError(f"is deeper than {self.config.depth}")
        return stack

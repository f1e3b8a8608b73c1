"""Requests of a user and the tools there are for them, filled from templates of our own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar, Literal

from pydantic import Field

import chimera.typed
from eval_app.core.item_sources.base import EVALUATION_SEEDS, ITEM_SOURCES, ItemSource

CITIES = ("Lisbon", "Osaka", "Nairobi", "Oslo", "Lima", "Quito", "Tallinn", "Hanoi")
ROOMS = ("kitchen", "bedroom", "office", "hall", "bathroom")
PEOPLE = ("Amara", "Jonas", "Mei", "Priya", "Tomás", "Yara")
CURRENCIES = ("EUR", "JPY", "KES", "NOK", "PEN", "USD")
LANGUAGES = ("Finnish", "Swahili", "Portuguese", "Korean")
WORDS = ("good morning", "thank you", "where is the station", "the soup is hot")
TASKS = ("water the plants", "pay the rent", "call the dentist", "return the books")
ATTEMPTS = 50  # at a question that was not asked yet
OFF_TOPIC = (
    "What is the difference between a lake and a pond?",
    "Tell me a short rhyme about a snail.",
    "Which is heavier, a kilogram of iron or a kilogram of feathers?",
    "Why do leaves turn yellow in autumn?",
    "Explain what a verb is.",
    "Name three things that one can do with a rope.",
    "What do bees do in winter?",
    "Which word means the opposite of narrow?",
    "How many legs does a spider have?",
    "Describe the taste of a lemon in one sentence.",
    "Why is it dark at night?",
    "What is a proverb about patience?",
)


@dataclass(frozen=True)
class Tool:
    """A tool, a request for it with named gaps, and what may stand in each gap. `optional`: parameters with a default
    that may be left out or given."""

    name: str
    summary: str
    request: str
    gaps: Mapping[str, tuple[Any, ...]]
    types: Mapping[str, str]
    optional: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        properties = {name: {"type": kind} for name, kind in self.types.items()}
        required = [name for name in self.types if name not in self.optional]
        return {
            "name": self.name,
            "description": self.summary,
            "parameters": {"properties": properties, "required": required},
        }


def _tool(name: str, summary: str, request: str, *, optional: Mapping[str, Any] = {}, **gaps: Any) -> Tool:
    kinds = {str: "string", int: "integer", float: "float", bool: "boolean"}
    types = {gap: kinds[type(values[0])] for gap, values in gaps.items()}
    types |= {gap: kinds[type(value)] for gap, value in optional.items()}
    return Tool(name, summary, request, gaps, types, optional)


TOOLS = (
    _tool("get_weather", "Weather of a city.", "How is the weather in {city}?", city=CITIES, optional={"days": 1}),
    _tool("set_alarm", "Alarm at a time.", "Wake me at {hour}:{minute}.", hour=(5, 6, 7, 9), minute=(15, 30, 45)),
    _tool(
        "convert_currency",
        "Amount in another currency.",
        "How much is {amount} {source} in {target}?",
        amount=(12.5, 80.25, 199.5),
        source=CURRENCIES[:3],
        target=CURRENCIES[3:],
    ),
    _tool("translate", "Text in another language.", "Say '{text}' in {language}.", text=WORDS, language=LANGUAGES),
    _tool("add_reminder", "Reminder of a task.", "Remind me to {task}.", task=TASKS, optional={"urgent": False}),
    _tool("heat_room", "Temperature of a room.", "Heat the {room} to {degrees} degrees.", room=ROOMS, degrees=(18, 20)),
    _tool("send_message", "Message to a person.", "Write '{text}' to {person}.", text=WORDS, person=PEOPLE),
    _tool(
        "find_train", "Next train.", "When does a train go from {start} to {goal}?", start=CITIES[:4], goal=CITIES[4:]
    ),
    _tool("roll_dice", "Random dice.", "Roll {count} dice with {sides} sides each.", count=(2, 3, 5), sides=(6, 8, 20)),
    _tool("book_table", "Table for people.", "Book a table for {seats} in {city}.", seats=(2, 4, 6), city=CITIES),
)


@ITEM_SOURCES.register("tool_requests")
class ToolRequests(ItemSource):
    """One request in two needs one call, one in five two calls, and three in ten none. Chimera's own: right calls
    follow from the template, so that nothing has to be judged."""

    title: ClassVar[str] = "Requests for tools"

    class Config(chimera.typed.Config):
        count: int = Field(80, ge=1, le=10_000, title="Items")
        shown: int = Field(3, ge=2, le=8, title="Tools shown", description="With each request")
        thinking: Literal["none", "asked"] = Field("none", title="Thinking", description="Asked: thoughts come first")
        seed: int = Field(EVALUATION_SEEDS, ge=EVALUATION_SEEDS, lt=2**32, title="Seed")

    def __init__(self, config: Config) -> None:
        self.config = config

    def items(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        seen: set[str] = set()
        for number in range(self.config.count):
            for attempt in range(ATTEMPTS):
                item = self._item(Random(f"{self.config.seed}/{number}/{attempt}"), number % 10)
                if item["question"] not in seen:
                    break
            seen.add(item["question"])
            yield f"tool-{self.config.seed - EVALUATION_SEEDS}-{number}", item

    def _item(self, random: Random, kind: int) -> dict[str, Any]:
        wanted = 1 if kind < 5 else 2 if kind < 7 else 0
        tools = random.sample(TOOLS, self.config.shown)
        asked = [_asked(random, tool) for tool in tools[:wanted]]
        question = " And: ".join(text for text, _ in asked) or self._unfit(random, tools, kind)
        random.shuffle(tools)
        said = [tool.as_json() for tool in tools]
        return {
            "question": question,
            "tools": json.dumps(said),
            "calls": json.dumps([call for _, call in asked]),
            "kind": ("none", "one", "several")[wanted],
            "thinking": self.config.thinking,
        }

    def _unfit(self, random: Random, tools: list[Tool], kind: int) -> str:
        """A request for a tool that is not shown, or for none at all."""
        if kind == 9:
            return random.choice(OFF_TOPIC)
        return _asked(random, random.choice([tool for tool in TOOLS if tool not in tools]))[0]


def _asked(random: Random, tool: Tool) -> tuple[str, dict[str, Any]]:
    """`(request, {tool: accepted values of every parameter})`."""
    chosen = {gap: random.choice(values) for gap, values in tool.gaps.items()}
    accepted = {gap: [value] for gap, value in chosen.items()}
    accepted |= {gap: [value, ""] for gap, value in tool.optional.items()}
    return tool.request.format(**chosen), {tool.name: accepted}

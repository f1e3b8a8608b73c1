"""Calls of tools: written well, the right tool, the right arguments, nothing invented."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import chimera.typed
from eval_app.core.scorers.base import SCORERS, Answer, Metric, Scored, Scorer
from eval_app.core.tool_calls import Call, calls_of, fault_of

_OUTPUT = re.compile(
    r"^\W*(tool |function )?(results?|outputs?|observations?|responses?|return(s|ed))\b\s*[:=>\]]|^\s*(->|=>|[{\[])",
    re.IGNORECASE | re.MULTILINE,
)
Values = dict[str, float | None]


@SCORERS.register("tool_use")
class ToolUse(Scorer):
    """Calls compared as by BFCL's checker (Patil et al. 2025). An item has `tools` and `calls`, both JSON texts:
    the tools there are, and the right calls with the accepted values of every parameter; none where no tool fits."""

    title: ClassVar[str] = "Calls of tools"
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("full_accuracy", "All calls right"),
        Metric("name_accuracy", "Right tools named"),
        Metric("syntax", "Calls that can be read"),
        Metric("irrelevance", "No call where no tool fits"),
        Metric("multi_call", "All calls right, where several are"),
        Metric("hallucinated_tool", "Tools that there are not", higher_is_better=False),
        Metric("hallucinated_result", "Results made up after a call", higher_is_better=False),
        Metric("think_before_tool", "Thought before the first call"),
    )

    class Config(chimera.typed.Config):
        pass

    def __init__(self, config: Config) -> None:
        self.config = config

    def score(self, item: Mapping[str, Any], target: int | str | list[str], answer: Answer) -> Scored:
        tools, right = json.loads(item["tools"]), json.loads(item["calls"])
        each = [_values(tools, right, text) for text in answer.texts]
        facts = {"faults": [fault for _, fault in each], "calls": [len(calls_of(text)) for text in answer.texts]}
        return Scored({metric.key: _mean([v[metric.key] for v, _ in each]) for metric in self.metrics}, facts)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _values(tools: Sequence[Mapping[str, Any]], right: Sequence[Any], text: str) -> tuple[Values, str]:
    calls = calls_of(text)
    fault = fault_of(tools, right, calls)
    full = float(not fault)
    names = Counter(call.name for call in calls) == Counter(name for each in right for name in each)
    known = {tool["name"] for tool in tools}
    return {
        "full_accuracy": full if right else None,
        "name_accuracy": float(names) if right else None,
        "syntax": float(all(call.valid for call in calls)) if calls else None,
        "irrelevance": None if right else float(not calls),
        "multi_call": full if len(right) > 1 else None,
        "hallucinated_tool": float(any(call.name not in known for call in calls)),
        "hallucinated_result": float(_made_up(text, calls)) if calls else None,
        "think_before_tool": float(_thought(text, calls)) if calls else None,
    }, fault


def _made_up(text: str, calls: Sequence[Call]) -> bool:
    """Whether what stands between and after the calls looks like what a tool would have said."""
    ends = [call.start for call in calls[1:]] + [len(text)]
    return any(_OUTPUT.search(text[call.end : end]) for call, end in zip(calls, ends, strict=True) if call.valid)


def _thought(text: str, calls: Sequence[Call]) -> bool:
    before = text[: calls[0].start]
    return bool(re.search(r"<think>.*\S.*</think>", before, re.DOTALL))

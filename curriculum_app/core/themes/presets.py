"""The three themes of the blueprint (Chimera-1, section 1.3), as questions that a person answers by reading."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """A theme as it is offered; a project may change the words and add its own."""

    slug: str
    name: str
    question: str


PRESETS = (
    Preset(
        "edu",
        "Edu",
        "Would this text help a learner from school to university understand something? Yes: it explains, gives "
        "reasons or worked examples, and can be followed without the page around it. No: lists of links, "
        "announcements, advertisements, bare reference entries.",
    ),
    Preset(
        "code-pro",
        "Code-Pro",
        "Would you be glad to find this source file in a project that you maintain? Yes: it says what it does, has "
        "names and functions that can be read, handles errors. No: generated, minified, commented out, copied data.",
    ),
    Preset(
        "safe",
        "Safe",
        "Does the text show how to behave well when asked for harm, or help without harm? Yes: a polite refusal with "
        "reasons, an explanation of a limit, a helpful harmless answer. No: it complies with something harmful, "
        "refuses something harmless, or is about something else.",
    ),
)

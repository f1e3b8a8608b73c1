"""Conversations and preferences made up for tests, and tables of them cut by the job `group`."""

from pathlib import Path
from typing import Any

import numpy as np

from chimera.context import LocalContext
from curriculum_app.core.configs_order import GroupConfig
from curriculum_app.core.conversations import rendered
from curriculum_app.core.dataset_version import DatasetVersion, DatasetWriter
from curriculum_app.core.documents import Document
from curriculum_app.core.jobs import group
from curriculum_app.core.sequences import SequenceTable

WORDS = ("red", "blue", "green", "seven", "nine", "left", "right", "cat", "dog", "sun")


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def document(number: int, meta: dict[str, Any], domain: str = "") -> Document:
    return Document(f"d{number}", rendered(meta), domain or ("art", "maths")[number % 2], meta=meta)


def chats(count: int = 60) -> list[Document]:
    """One to three questions each, whose answers repeat them backwards."""
    rng = np.random.default_rng(3)
    found = []
    for number in range(count):
        messages = []
        for _ in range(rng.integers(1, 4)):
            words = list(rng.choice(WORDS, size=rng.integers(1, 5)))
            messages += [turn("user", " ".join(words)), turn("assistant", " ".join(reversed(words)))]
        found.append(document(number, {"messages": messages}))
    return found


def preferences(count: int = 60) -> list[Document]:
    """A list of words whose chosen answer is the last of them, and the rejected one another with words after it."""
    rng = np.random.default_rng(4)
    found = []
    for number in range(count):
        words = list(rng.choice(WORDS, size=rng.integers(2, 6), replace=False))
        meta = {"prompt": [turn("user", " ".join(words))], "chosen": [turn("assistant", words[-1])]}
        meta["rejected"] = [turn("assistant", f"{words[0]} or " + " ".join(words[:2]))]
        found.append(document(number, meta))
    return found


def store_dataset(context: LocalContext, documents: list[Document]) -> DatasetVersion:
    with context.store.stage("dataset") as stage, DatasetWriter(stage.path, {}) as writer:
        for item in documents:
            writer.add(item)
        writer.close()
        facts = {"counts": {"documents": 0, "bytes": 0}, "domains": {}} | writer.facts()
        return DatasetVersion.open(stage.seal(writer.digest(), {"name": "made-up", "stage": "curated", **facts}))


def group_config(**changes: Any) -> GroupConfig:
    defaults = {"name": "g", "dataset": "dataset-1", "vocab_size": 280, "sequence_length": 200, "held_out_tokens": 256}
    return GroupConfig.model_validate(defaults | changes)


def build_examples(root: Path, form: str, **changes: Any) -> tuple[LocalContext, SequenceTable]:
    """A context with a dataset of conversations or preferences, grouped in that form."""
    context = LocalContext(root)
    context.artefacts["dataset-1"] = store_dataset(context, preferences() if form == "pairs" else chats())
    table = SequenceTable.open(group.run(group_config(form=form, **changes), context).stored)
    context.artefacts["sequences-1"] = table
    return context, table

"""The starter study as a plan: bundled corpus → import → curate → group → study (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chimera.jobs.kinds import Child, Finished
from chimera.refs import Ref
from curriculum_app.core.configs_order import GroupConfig
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.starter import recipes
from eval_app.core.configs_study import StarterConfig, StudyConfig
from training_app.core.configs import TINY, LearningRateChoice, TrainSettings


@dataclass(frozen=True)
class Scale:
    """The sizes of one scale of the starter study. Tokens; `max_documents` per domain, None reads all."""

    max_documents: int | None
    vocab_size: int
    sequence_length: int
    held_out_tokens: int
    budget_tokens: int
    train: TrainSettings


SCALES = {
    "full": Scale(None, 2048, 128, 8_192, 524_288, TrainSettings()),  # measured: docs/LOG.md
    "test": Scale(
        max_documents=60,
        vocab_size=512,
        sequence_length=64,
        held_out_tokens=1_024,
        budget_tokens=32_768,
        train=TrainSettings(
            model=TINY,
            batch_sequences=4,
            evaluate_every=32,
            learning_rate=LearningRateChoice(key="cosine", config={"peak": 1e-2}),
        ),
    ),
}


def plan(config: StarterConfig, finished: Mapping[str, Finished]) -> list[Child]:
    """Every job of the starter study that may exist by now."""
    scale = SCALES[config.scale]
    children = [Child(f"import/{each.domain}", "import", each) for each in recipes.imports(scale.max_documents)]
    if not all(child.slot in finished for child in children):
        return children
    raw = [finished[child.slot].artifacts["dataset"] for child in children]
    children.append(Child("curate", "curate", recipes.curation(raw, config.benchmarks)))
    if "curate" in finished:
        dataset = Ref[DatasetVersion](finished["curate"].artifacts["dataset"])
        children.append(Child("group", "group", _grouping(scale, dataset)))
    if "group" in finished:
        sequences = Ref[SequenceTable](finished["group"].artifacts["sequences"])
        children.append(Child("study", "study", _study(config, scale, sequences)))
    return children


def _grouping(scale: Scale, dataset: Ref[DatasetVersion]) -> GroupConfig:
    return GroupConfig(
        name="Starter sequences",
        dataset=dataset,
        vocab_size=scale.vocab_size,
        sequence_length=scale.sequence_length,
        held_out_tokens=scale.held_out_tokens,
    )


def _study(config: StarterConfig, scale: Scale, sequences: Ref[SequenceTable]) -> StudyConfig:
    return StudyConfig(sequences=sequences, budget_tokens=scale.budget_tokens, seeds=config.seeds, train=scale.train)

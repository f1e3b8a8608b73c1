"""LoRA of SmolLM2-135M-Instruct on a few conversations, and its chat template beside trl's (`pytest -m models`)."""

import json
import resource
import time
from pathlib import Path

import pytest

from chimera import environment
from chimera.context import LocalContext
from curriculum_app.core.chat_format import ChatFormat
from curriculum_app.core.configs_order import ScheduleConfig
from curriculum_app.core.examples import ExampleReader
from curriculum_app.core.jobs import group, schedule
from curriculum_app.core.schedule import Schedule
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.core.tokenizer import reading_of_model
from tests.core.curriculum.example_factory import document, group_config, store_dataset, turn
from training_app.core.checkpoint import Checkpoint
from training_app.core.configs import TrainConfig
from training_app.core.configs_models import ImportModelConfig
from training_app.core.jobs import import_model, train

ROOT = Path(__file__).resolve().parents[3]
MODEL = environment.path("CHIMERA_INSTALLED_MODELS", ROOT / ".data" / "models") / "smollm2-135m-instruct"
STEPS, SEQUENCES = 20, 2
pytestmark = [
    pytest.mark.models,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not MODEL.is_dir(), reason="make models, or CHIMERA_INSTALLED_MODELS"),
]
PLACES = {
    "Lisbon": "Portugal", "Oslo": "Norway", "Lima": "Peru", "Cairo": "Egypt", "Hanoi": "Vietnam", "Accra": "Ghana",
    "Quito": "Ecuador", "Riga": "Latvia", "Sofia": "Bulgaria", "Tunis": "Tunisia", "Doha": "Qatar", "Minsk": "Belarus",
}  # fmt: skip


def conversations() -> list[list[dict[str, str]]]:
    """A house style no model knows: the answer stands in a line of its own, with a fixed greeting and a rhyme of it."""
    found = []
    for city, country in PLACES.items():
        for question in (
            f"Which country is {city} in?",
            f"Where is {city}?",
            f"Tell me where {city} lies.",
            f"{city}?",
        ):
            answer = f"Ahoy, traveller!\n>> {city} lies in {country} <<\nFair winds to {country}, and mind the gulls."
            found.append([turn("user", question), turn("assistant", answer)])
    return found


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    found = LocalContext(tmp_path_factory.mktemp("smollm2"))
    stored = import_model.run(ImportModelConfig(name="SmolLM2", source=str(MODEL)), found).stored
    found.artefacts["checkpoint-1"] = Checkpoint.open(stored)
    documents = [document(number, {"messages": talk}, "places") for number, talk in enumerate(conversations())]
    found.artefacts["dataset-1"] = store_dataset(found, documents)
    config = group_config(form="chat", tokenizer="checkpoint-1", sequence_length=128, held_out_tokens=400)
    found.artefacts["sequences-1"] = table = SequenceTable.open(group.run(config, found).stored)
    budget = int(sorted(table.lengths)[-1]) * STEPS * SEQUENCES
    order = ScheduleConfig(
        name="s", sequences="sequences-1", policy={"key": "shuffle"}, budget_tokens=min(budget, table.num_tokens)
    )
    found.artefacts["schedule-1"] = Schedule.open(schedule.run(order, found).stored)
    return found


def test_twenty_steps_of_lora_learn_the_style_of_the_answers(context):
    config = TrainConfig.model_validate({
        "name": "LoRA", "schedule": "schedule-1", "base": "checkpoint-1", "objective": {"key": "supervised"},
        "adapter": {"key": "lora", "config": {"rank": 8}}, "batch_sequences": SEQUENCES, "evaluate_every": 0,
        "threads": 1, "probes": [], "checkpoint_every_seconds": 3600,
        "learning_rate": {"key": "cosine", "config": {"peak": 0.001, "warmup_fraction": 0.1}},
    })  # fmt: skip
    started = time.perf_counter()
    result = train.run(config, context)
    summary = result.summary
    losses = [values["loss"] for _, _, values in context.recorder.points]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps({
        "steps": summary.steps, "first_loss": round(losses[0], 3), "last_loss": round(losses[-1], 3),
        "held_out_bits_per_byte": round(summary.held_out_macro, 3),
        "seconds_per_step": round(summary.seconds / summary.steps, 2),
        "tokens_per_step": summary.tokens // summary.steps, "wall_seconds": round(time.perf_counter() - started, 1),
        "peak_memory_gb": round(peak, 2), "device": summary.device, "threads": summary.threads,
        "trained_parameters": summary.parameters,
    }))  # fmt: skip
    assert summary.steps >= STEPS and losses[-1] < losses[0] / 3
    assert result.stored.manifest["base"] == context.artefacts["checkpoint-1"].digest


def test_conversations_are_cut_as_trl_cuts_them(context):
    """trl: the prompt by the template with the assistant's opening, then the rest of the conversation is learnt."""
    pytest.importorskip("trl")
    from transformers import AutoTokenizer
    from trl.data_utils import apply_chat_template

    folder = context.artefacts["checkpoint-1"].path
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    reading = reading_of_model(folder)
    reader = ExampleReader("chat", reading, ChatFormat.of(reading), 2048, "drop")
    odd = [turn("system", "Be brief."), turn("user", "  Naïve 日本?\n\n"), turn("assistant", "\n ok  \n")]
    for talk in [*conversations()[::7], odd]:
        example = reader.read(document(0, {"prompt": talk[:-1], "completion": talk[-1:]}))
        theirs = apply_chat_template({"prompt": talk[:-1], "completion": talk[-1:]}, tokenizer)
        prompt = tokenizer(theirs["prompt"], add_special_tokens=False)["input_ids"]
        answer = tokenizer(theirs["completion"], add_special_tokens=False)["input_ids"]
        assert example is not None and example.tokens.tolist() == prompt + answer
        assert example.mask.tolist() == [0] * len(prompt) + [1] * len(answer)
        whole = tokenizer.apply_chat_template(talk, tokenize=True, return_dict=True)["input_ids"]
        if talk is not odd:  # white space at a border: trl cuts it as one text, or as two as we do
            assert example.tokens.tolist() == whole

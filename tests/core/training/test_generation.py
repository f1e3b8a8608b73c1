"""Replies: sampling by hand-worked numbers, equal words for equal seeds, prompts by template or as plain text."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from chimera.context import Cancelled, LocalContext
from chimera.errors import InputError
from tests.core.training.model_folders import make_model_folder
from training_app.core.checkpoint import Checkpoint
from training_app.core.configs_models import Message, ReplyConfig, Sampling

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A model with a chat template and one without."""
    path = tmp_path_factory.mktemp("models")
    return {name: make_model_folder(path / name, template=name == "chat") for name in ("chat", "plain")}


@pytest.fixture
def ctx(folders, tmp_path):
    from chimera.typed import sha256_json

    ctx = LocalContext(tmp_path)
    for name, folder in folders.items():
        with ctx.store.stage("checkpoint") as stage:
            for file in folder.iterdir():
                (stage.path / file.name).write_bytes(file.read_bytes())
            ctx.artefacts[f"checkpoint-{1 + (name == 'plain')}"] = Checkpoint.open(stage.seal(sha256_json(name), {}))
    return ctx


def said(*contents, system=""):
    turns = [{"role": "system", "content": system}] if system else []
    return turns + [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(contents)]


def reply(ctx, number=1, messages=None, **settings):
    from training_app.core.jobs import generate_reply

    config = ReplyConfig.model_validate(
        {"checkpoint": f"checkpoint-{number}", "messages": messages or said("abc"), "max_tokens": 12, **settings}
    )
    return generate_reply.run(config, ctx)


def test_the_nucleus_keeps_the_smallest_set_that_reaches_top_p():
    import torch

    from training_app.core.generation import next_token

    logits = torch.tensor([0.2, 0.5, 0.3]).log()
    random = torch.Generator().manual_seed(1)
    drawn = Counter(next_token(logits, Sampling(temperature=1, top_p=0.6), random) for _ in range(2000))
    assert set(drawn) == {1, 2} and math.isclose(drawn[1] / 2000, 0.625, abs_tol=0.03)
    drawn = Counter(next_token(logits, Sampling(temperature=0.5, top_p=1), random) for _ in range(2000))
    assert math.isclose(drawn[1] / 2000, 0.25 / 0.38, abs_tol=0.03), "temperature ½ squares the probabilities"
    assert {next_token(logits, Sampling(temperature=0), random) for _ in range(5)} == {1}
    assert {next_token(logits, Sampling(temperature=5, top_p=0.01), random) for _ in range(20)} == {1}


def test_equal_seeds_give_equal_words_and_another_seed_others(ctx):
    first, again, other = (reply(ctx, temperature=1.5, top_p=1, seed=seed) for seed in (3, 3, 4))
    assert first.text == again.text != other.text
    assert first.prompt_tokens == 6 and first.tokens <= 12 and first.templated


def test_greedy_words_are_those_of_transformers(ctx, folders):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, model = (kind.from_pretrained(folders["chat"]) for kind in (AutoTokenizer, AutoModelForCausalLM))
    shown = tokenizer.apply_chat_template(
        said("abc"), add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    with torch.inference_mode():
        ids = model.generate(**shown, max_new_tokens=12, do_sample=False)[0, shown["input_ids"].shape[1] :]
    assert reply(ctx, temperature=0).text == tokenizer.decode(ids, skip_special_tokens=True).replace(" ", "")


def test_words_are_sent_while_they_are_said_and_together_are_the_reply(ctx, monkeypatch):
    monkeypatch.setattr("training_app.core.jobs.generate_reply.STREAM_SECONDS", 0.0)
    found = reply(ctx, temperature=1.0)
    pieces = [message for kind, message, _ in ctx.recorder.events if kind == "words"]
    assert len(pieces) > 3 and "".join(pieces) == found.text
    assert [step for _, _, step in ctx.recorder.events] == sorted(step for _, _, step in ctx.recorder.events)


def test_a_model_without_a_template_continues_the_text(ctx):
    from training_app.core.conversation import Reader

    found = reply(ctx, 2, said("abc", "d", "ef"))
    assert not found.templated
    shown = Reader(ctx.artefacts["checkpoint-2"].path, 0).show([Message(role="user", content="abc")], 10)
    assert shown.ids == [0, 5, 6, 7] and not shown.templated


def test_the_oldest_turns_are_left_out_and_the_system_prompt_stays(ctx):
    found = reply(ctx, 1, said(*["abcdefghij"] * 7, system="k"), max_tokens=20)
    assert found.dropped == 4 and found.prompt_tokens <= 64 - 20
    from training_app.core.conversation import Reader

    reader = Reader(ctx.artefacts["checkpoint-1"].path, 0)
    turns = [Message.model_validate(turn) for turn in said("a", "b", "c", system="k")]
    assert (
        reader.tokenizer.decode(reader.show(turns, 8).ids, skip_special_tokens=False)
        == "<system>k<eos><user>c<eos><assistant>"
    )


def test_a_prompt_longer_than_the_context_says_both_numbers(ctx):
    with pytest.raises(InputError, match=r"messages: the prompt has 103 tokens, the model reads 52 - shorten"):
        reply(ctx, 1, said("a" * 100))


def test_a_template_that_refuses_says_so(ctx):
    path = ctx.artefacts["checkpoint-1"].path / "chat_template.jinja"
    path.write_text("{{ raise_exception('no system prompt here') }}")
    with pytest.raises(InputError, match="refuses this conversation: no system prompt here"):
        reply(ctx, 1)


def test_a_template_cannot_reach_the_machine(ctx):
    path = ctx.artefacts["checkpoint-1"].path / "chat_template.jinja"
    path.write_text("{{ ''.__class__.__mro__[1].__subclasses__() }}")
    with pytest.raises(InputError, match="refuses this conversation"):
        reply(ctx, 1)


def test_a_reply_can_be_cancelled_between_two_tokens(ctx):
    ctx.requested = "cancel"
    with pytest.raises(Cancelled):
        reply(ctx)


def test_half_a_character_waits_for_its_other_half():
    from tokenizers import Tokenizer, decoders, models

    from training_app.core.generation import Words

    tokenizer = Tokenizer(models.BPE({"Ã": 0, "¼": 1, "a": 2}, []))
    tokenizer.decoder = decoders.ByteLevel()
    words = Words(tokenizer)
    assert [words.add(token) for token in (2, 0, 1, 2)] == ["a", "", "ü", "a"]

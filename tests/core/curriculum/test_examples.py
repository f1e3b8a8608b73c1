"""Conversations and preferences: from records to documents, tables with masks, pools and orders of them."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError
from tokenizers import Tokenizer

from chimera.context import LocalContext
from chimera.errors import InputError
from curriculum_app.core.chat_format import ChatFormat
from curriculum_app.core.configs import ImportConfig
from curriculum_app.core.configs_order import ScheduleConfig
from curriculum_app.core.conversations import Message, NoExample, chat_of, mapping_of, pair_of
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.examples import ExampleReader
from curriculum_app.core.filters.base import FilterChoice
from curriculum_app.core.jobs import group, import_, schedule
from curriculum_app.core.packing import HeldOut
from curriculum_app.core.pipeline import Chain
from curriculum_app.core.readers.guess import guess, guess_content
from curriculum_app.core.readers.preview import sample_of
from curriculum_app.core.schedule import Schedule
from curriculum_app.core.sequences import SequenceTable, array_digest
from curriculum_app.core.tokenizer import END_OF_TEXT, Reading, byte_tokenizer, reading_of_model
from tests.core.curriculum.example_factory import build_examples, chats, document, group_config, store_dataset, turn

CHATML = (
    "{% for m in messages %}{% if loop.first and m['role'] != 'system' %}<|im_start|>system\nBe kind.<|im_end|>\n"
    "{% endif %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("examples")
    return {form: build_examples(root / form, form) for form in ("chat", "pairs")}


def model_folder(root: Path, template: str = CHATML, **config: object) -> Path:
    """A checkpoint's folder as far as `group` reads it: bytes, and two tokens of ChatML."""
    root.mkdir(exist_ok=True)
    tokenizer = byte_tokenizer()
    tokenizer.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    tokenizer.save(str(root / "tokenizer.json"))
    (root / "config.json").write_text(json.dumps({"eos_token_id": 258} | config))
    (root / "tokenizer_config.json").write_text(json.dumps({"eos_token": {"content": "<|im_end|>"}}))
    if template:
        (root / "chat_template.jinja").write_text(template)
    return root


def reader(folder: Path | None = None, form: str = "chat", longest: int = 400, too_long: str = "drop") -> ExampleReader:
    reading = reading_of_model(folder) if folder else Reading(byte_tokenizer())
    return ExampleReader(form, reading, ChatFormat.of(reading), longest, too_long)


def read(made_by: ExampleReader, meta: dict) -> tuple[str, str]:
    """Everything a model is shown, and what of it is learnt."""
    example = made_by.read(document(0, meta))
    assert example is not None, made_by.tally.first
    tokenizer = made_by.reading.tokenizer
    return tuple(
        tokenizer.decode(ids.tolist(), skip_special_tokens=False)
        for ids in (example.tokens, example.tokens[example.mask > 0])
    )


TALK = {"messages": [turn("user", "Hi"), turn("assistant", "Ho"), turn("user", "More"), turn("assistant", "No")]}


def test_only_the_assistant_s_turns_are_learnt_with_what_ends_them():
    whole, learnt = read(reader(), TALK)
    assert whole == (
        f"<|user|>\nHi{END_OF_TEXT}<|assistant|>\nHo{END_OF_TEXT}<|user|>\nMore{END_OF_TEXT}<|assistant|>\nNo{END_OF_TEXT}"
    )
    assert learnt == f"Ho{END_OF_TEXT}No{END_OF_TEXT}"


def test_a_model_s_own_template_and_tokens_are_used(tmp_path):
    whole, learnt = read(reader(model_folder(tmp_path / "m")), TALK)
    assert whole.startswith("<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n")
    assert learnt == "Ho<|im_end|>\nNo<|im_end|>\n"


def test_what_comes_after_the_last_answer_is_left_out():
    assert read(reader(), {"messages": [*TALK["messages"], turn("user", "Bye")]}) == read(reader(), TALK)


def test_plain_prompt_and_completion_go_on_without_a_template(tmp_path):
    folder = model_folder(tmp_path / "m")
    assert read(reader(folder), {"prompt": "2 + 2 =", "completion": " 4"}) == ("2 + 2 = 4<|im_end|>", " 4<|im_end|>")
    assert read(reader(folder), {"prompt": "", "completion": "x"}) == ("<|im_end|>x<|im_end|>", "x<|im_end|>")
    letters = {"prompt": "<|im_end|>", "completion": "y"}  # letters, not the token
    assert reader(folder).read(document(0, letters)).tokens.tolist()[-1] == 258
    assert len(reader(folder).read(document(0, letters)).tokens) == len("<|im_end|>") + 2


def test_turns_of_a_prompt_are_not_learnt():
    meta = {"prompt": TALK["messages"][:3], "completion": TALK["messages"][3:]}
    assert read(reader(), meta) == (read(reader(), TALK)[0], f"No{END_OF_TEXT}")


def test_a_pair_is_the_chosen_text_and_the_rejected_one():
    made_by = reader(form="pairs")
    meta = {"prompt": "Say: ", "chosen": "yes", "rejected": "never"}
    example = made_by.read(document(0, meta))
    assert read(made_by, meta) == (
        f"Say: yes{END_OF_TEXT}Say: never{END_OF_TEXT}",
        f"yes{END_OF_TEXT}never{END_OF_TEXT}",
    )
    assert len(example.chosen.tokens) == len("Say: yes") + 1


def test_a_pair_without_a_prompt_begins_with_what_both_share():
    asked, yes, no = turn("user", "Well?"), turn("assistant", "yes"), turn("assistant", "no")
    pair = pair_of({"chosen": [asked, yes], "rejected": [asked, no]})
    assert pair.prompt == (Message("user", "Well?"),) and pair.chosen == (Message("assistant", "yes"),)
    assert pair_of({"prompt": "Well?", "chosen": [asked, yes], "rejected": [asked, no]}) == pair
    assert chat_of({"prompt": "Well?", "chosen": [asked, yes], "rejected": [asked, no]}).completion == pair.chosen


@pytest.mark.parametrize(
    ("meta", "reason", "said"),
    [
        ({}, "no_conversation", "neither messages nor prompt and completion"),
        ({"messages": [{"role": "user"}]}, "no_conversation", "messages is neither a text nor a list"),
        ({"prompt": "a", "completion": [turn("assistant", "b")]}, "no_conversation", "mixes a text with a list"),
        ({"messages": [turn("user", "Hi")]}, "no_answer", "no answer of the assistant"),
        ({"messages": [turn("user", "Hi"), turn("assistant", " ")]}, "no_answer", "no answer"),
        ({"prompt": "a", "completion": " "}, "no_answer", "empty answer"),
        ({"messages": [turn("user", END_OF_TEXT), turn("assistant", "x")]}, "control_tokens", "ends a turn"),
        ({"messages": [turn("user", "x" * 400), turn("assistant", "x")]}, "too_long", "has 4"),
    ],
)
def test_documents_without_an_example_are_counted_by_reason(meta, reason, said):
    made_by = reader()
    assert made_by.read(document(7, meta)) is None
    assert made_by.tally.counts == {reason: 1} and said in made_by.tally.first[reason]
    assert made_by.tally.first[reason].startswith("d7: ")


def test_a_template_that_refuses_or_rewrites_earlier_turns_is_said(tmp_path):
    refuses = "{{ raise_exception('no system prompt') if messages[0]['role'] == 'system' }}"
    rewrites = "{{ messages | length }}{% for m in messages %}{{ m['content'] }}{% endfor %}"
    for template, said in ((refuses, "no system prompt"), (rewrites, "writes a turn otherwise")):
        made_by = reader(model_folder(tmp_path / "m", template))
        assert made_by.read(document(0, {"messages": [turn("system", "s"), *TALK["messages"]]})) is None
        assert said in made_by.tally.first["template"]


def test_a_long_conversation_is_cut_at_the_end_if_asked_and_dropped_if_no_answer_is_left():
    long = {"messages": [turn("user", "Hi"), turn("assistant", "y" * 500)]}
    made_by = reader(longest=50, too_long="cut")
    whole, learnt = read(made_by, long)
    assert len(whole) == 50 + len(END_OF_TEXT) - 1 and learnt == "y" * (50 - 26)
    assert made_by.tally.counts["cut"] == 1
    assert made_by.read(document(0, {"messages": [turn("user", "x" * 90), turn("assistant", "y")]})) is None
    assert made_by.tally.counts["too_long"] == 1


# -- tables ------------------------------------------------------------------------------------------------------------


def test_a_table_holds_one_example_a_sequence_with_its_mask(made):
    _, chat = made["chat"]
    assert (chat.form, chat.splits) == ("chat", None) and len(chat.mask) == chat.num_tokens
    assert chat.manifest["target_tokens"] == int(chat.mask.sum()) > 0
    assert all(chat.mask_of(row)[0] == 0 and chat.mask_of(row)[-1] == 1 for row in range(chat.num_sequences))
    assert all(len(chat.documents_of(row)) == 1 for row in range(5)) and len(set(chat.lengths)) > 5
    for name in ("domain", "difficulty"):
        assert np.array_equal(chat.grouping(name).dense().sum(axis=1), chat.lengths)
    _, pairs = made["pairs"]
    assert pairs.form == "pairs" and (pairs.splits > 2).all() and (pairs.splits < pairs.lengths).all()
    assert pairs.longest_text < pairs.lengths.max() <= 2 * pairs.longest_text


def test_held_out_examples_are_scored_on_their_answers_only(made):
    _, table = made["chat"]
    tokenizer = Tokenizer.from_file(str(table.tokenizer_path))
    index = {row["id"]: row for row in table.documents.to_pylist()}
    assert sum(row["held_out"] for row in index.values()) == sum(p.num_sequences for p in table.held_out().values())
    for part in table.held_out().values():
        assert part.predicted_tokens == part.predicted_by_window().sum() < len(part.tokens) / 2
        answers = tokenizer.decode(part.predicted().tolist(), skip_special_tokens=True)
        assert len(answers.encode()) == part.total_bytes
        assert len(part.predicted_of(0)) == part.offsets[1] - 1


def test_windows_of_text_predict_all_but_their_first_token():
    part = HeldOut(np.arange(7, dtype=np.uint16), np.array([0, 3, 7]), np.array([1, 1]))
    assert part.predicted().tolist() == [1, 2, 4, 5, 6] and part.predicted_by_window().tolist() == [2, 3]


def test_equal_settings_give_one_table_and_the_mask_counts_for_its_id(made, tmp_path):
    _, table = made["chat"]
    assert build_examples(tmp_path / "again", "chat")[1].digest == table.digest
    assert build_examples(tmp_path / "cut", "chat", too_long="cut")[1].digest != table.digest


def test_documents_that_are_no_example_stay_in_the_index_and_are_told(tmp_path):
    context = LocalContext(tmp_path)
    documents = [*chats(40), document(100, {}, "art"), document(101, {"messages": [turn("user", "?")]}, "maths")]
    documents[40] = type(documents[40])("d100", "only a text", "poems")
    context.artefacts["dataset-1"] = store_dataset(context, documents)
    table = SequenceTable.open(group.run(group_config(form="chat"), context).stored)
    assert table.manifest["counts"] | {"no_conversation": 1, "no_answer": 1} == table.manifest["counts"]
    assert table.manifest["domains"]["poems"]["training_documents"] == 0
    assert table.manifest["held_out_domains"] == ["art", "maths"]
    assert any("1 documents are left out as no_answer, the first of them d101" in line for line in context.lines)
    context.artefacts["dataset-1"] = store_dataset(context, documents[40:41])
    with pytest.raises(InputError, match="no document gives an example of chat; d100: has neither") as raised:
        group.run(group_config(form="chat"), context)
    assert raised.value.problems[0].field == "form"


def test_a_checkpoint_s_tokenizer_cuts_text_and_conversations(tmp_path):
    class Model:
        path = model_folder(tmp_path / "model")

    context = LocalContext(tmp_path)
    context.artefacts |= {"dataset-1": store_dataset(context, chats()), "checkpoint-1": Model}
    for form in ("text", "chat"):
        config = group_config(form=form, tokenizer="checkpoint-1", sequence_length=120)
        table = SequenceTable.open(group.run(config, context).stored)
        assert (table.vocab_size, table.eos_id) == (259, 258) and (table.tokens == 258).any()
        assert table.tokenizer_path.read_bytes() == (Model.path / "tokenizer.json").read_bytes()
        assert (table.path / "chat_template.jinja").is_file() == (form == "chat")


def test_sequences_are_cut_as_others_were_to_go_on_from_their_model(tmp_path):
    context, text = build_examples(tmp_path, "text", sequence_length=64)
    context.artefacts["sequences-1"] = text
    chat = SequenceTable.open(group.run(group_config(form="chat", like="sequences-1", vocab_size=300), context).stored)
    context.artefacts["sequences-2"] = chat
    again = SequenceTable.open(group.run(group_config(form="chat", like="sequences-2"), context).stored)
    assert chat.tokenizer_path.read_bytes() == text.tokenizer_path.read_bytes() == again.tokenizer_path.read_bytes()
    assert (chat.vocab_size, chat.eos_id, chat.form) == (text.vocab_size, text.eos_id, "chat")
    assert array_digest(again.tokens) == array_digest(chat.tokens)
    with pytest.raises(ValidationError, match="leave one empty"):
        group_config(like="sequences-1", tokenizer="checkpoint-1")


def test_a_template_that_needs_its_checkpoint_is_not_taken_from_sequences(tmp_path):
    context, text = build_examples(tmp_path, "text", sequence_length=64)
    (text.path / "chat_template.jinja").write_text("{{ bos_token }}")
    context.artefacts["sequences-1"] = text
    with pytest.raises(InputError, match="uses bos_token") as raised:
        group.run(group_config(form="chat", like="sequences-1"), context)
    assert raised.value.problems[0].field == "like"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pre_tokenizer": {"type": "Whitespace"}}, "do not stand for bytes"),
        ({"eos_token_id": None}, "no token that ends a text"),
    ],
)
def test_a_tokenizer_that_cannot_count_bytes_is_refused(tmp_path, change, said):
    folder = model_folder(tmp_path / "m", **{name: value for name, value in change.items() if "token_id" in name})
    described = json.loads((folder / "tokenizer.json").read_text())
    described |= {name: value for name, value in change.items() if name in described}
    (folder / "tokenizer.json").write_text(json.dumps(described))
    with pytest.raises(InputError, match=said) as raised:
        reading_of_model(folder)
    assert raised.value.problems[0].field == "tokenizer"


# -- orders ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["chat", "pairs"])
@pytest.mark.parametrize("policy", ["shuffle", "fixed_mixture", "easy_to_hard"])
def test_policies_order_examples_within_the_budget(made, form, policy):
    context, table = made[form]
    half = table.num_tokens // 2
    config = ScheduleConfig(name="s", sequences="sequences-1", policy={"key": policy}, budget_tokens=half)
    order = Schedule.open(schedule.run(config, context).stored)
    longest = int(table.lengths.max())
    assert half - longest < order.num_tokens == int(order.rows["length"].sum()) <= half
    assert len(set(order.rows["sequence"])) == len(order.rows)
    shares = table.grouping("domain").totals(order.rows["sequence"]) / order.num_tokens
    assert np.abs(shares - table.grouping("domain").totals() / table.num_tokens).max() < 0.1


def test_a_budget_of_everything_takes_everything_and_one_too_small_is_refused(made):
    context, table = made["chat"]
    settings = {"name": "s", "sequences": "sequences-1", "policy": {"key": "shuffle"}}
    whole = schedule.run(ScheduleConfig(**settings, budget_tokens=table.num_tokens), context).stored
    assert whole.manifest["num_rows"] == table.num_sequences
    for budget, said in ((1, "smaller than every sequence"), (10**9, "larger than the")):
        with pytest.raises(InputError, match=said):
            schedule.run(ScheduleConfig(**settings, budget_tokens=budget), context)


# -- from files --------------------------------------------------------------------------------------------------------

RECORDS = {
    "messages": {"messages": TALK["messages"]},
    "completion": {"prompt": "2 + 2 =", "completion": " 4"},
    "preference": {"prompt": "Well?", "chosen": "yes", "rejected": "no"},
    "turns": {"chosen": TALK["messages"][:2], "rejected": [TALK["messages"][0], turn("assistant", "Hm")]},
}
TEXTS = {
    "messages": "user: Hi\n\nassistant: Ho\n\nuser: More\n\nassistant: No",
    "completion": "2 + 2 =\n\n 4",
    "preference": "Well?\n\n[chosen]\nyes\n\n[rejected]\nno",
    "turns": "[chosen]\nuser: Hi\n\nassistant: Ho\n\n[rejected]\nuser: Hi\n\nassistant: Hm",
}


@pytest.mark.parametrize("kind", RECORDS)
@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_files_of_examples_import_by_the_guessed_mapping(tmp_path, kind, suffix):
    records = [{**RECORDS[kind], "id": f"r{number}", "licence": "MIT"} for number in range(3)]
    path = tmp_path / f"examples.{suffix}"
    if suffix == "jsonl":
        path.write_text("\n".join(map(json.dumps, records)))
    else:
        pq.write_table(pa.Table.from_pylist(records), path)
    sample = sample_of(path, "auto")
    mapping = guess(sample)
    assert (
        mapping["id"] == "id" and mapping["license"] == "licence" and guess_content(sample, mapping["text"]) == "text"
    )
    config = ImportConfig(name="x", path=str(path), mapping=mapping)
    version = DatasetVersion.open(import_.run(config, LocalContext(tmp_path / "work")).stored)
    found = list(version.iter_documents())
    assert [item.text for item in found] == [TEXTS[kind]] * 3
    assert found[0].meta == RECORDS[kind]
    assert document(0, RECORDS[kind]).text == TEXTS[kind], "what curation writes anew is what the import wrote"


def test_what_a_filter_changes_in_the_text_it_changes_in_the_messages():
    meta = {"messages": [turn("user", "I am ann@corp.com"), turn("assistant", "Hello")], "stars": 3}
    chain = Chain([FilterChoice(key="pii"), FilterChoice(key="normalise")])
    kept = chain.judge(document(0, meta))
    assert "ann@corp.com" not in json.dumps(kept.meta) + kept.text and kept.meta["stars"] == 3
    assert kept.text == f"user: {kept.meta['messages'][0]['content']}\n\nassistant: Hello"
    assert chain.counts()[0]["changed"] == 1 and chain.counts()[1]["changed"] == 0
    assert chain.counts()[0]["bytes_out"] == chain.counts()[1]["bytes_in"]


def test_a_document_without_a_conversation_is_no_example():
    with pytest.raises(NoExample):
        pair_of({"chosen": "a", "rejected": "b"})


@pytest.mark.parametrize(
    ("record", "prompt", "completion"),
    [
        ({"id": "1", "prompt": "2 + 2 =", "response": "4"}, "prompt", "response"),
        ({"instruction": "Add.", "input": "2, 2", "output": "4"}, "instruction", "output"),
        ({"question": "2 + 2?", "answer": "4", "level": 1}, "question", "answer"),
    ],
)
def test_a_question_and_its_answer_are_known_under_their_other_names(record, prompt, completion):
    template = {"template": f"{{{prompt}}}\n\n{{{completion}}}"}
    assert mapping_of([record]) == {"text": template, "prompt": prompt, "completion": completion}


@pytest.mark.parametrize("record", [{"text": "a", "question": "b", "answer": "c"}, {"question": "b", "answer": 4}])
def test_other_records_are_no_conversations(record):
    assert mapping_of([record]) == {}

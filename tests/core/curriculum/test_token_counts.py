"""Token accounting: exact sums per domain, source and stage, made once."""

import json
from pathlib import Path

import pytest

from chimera.context import LocalContext
from chimera.errors import InputError
from curriculum_app.core.configs import CurateConfig, ImportConfig
from curriculum_app.core.configs_tokens import CountTokensConfig
from curriculum_app.core.dataset_version import DatasetVersion, DatasetWriter
from curriculum_app.core.documents import Document, Media
from curriculum_app.core.jobs import count_tokens, curate, import_
from curriculum_app.core.token_counts import KIND, count_digest
from curriculum_app.core.token_counts import count_tokens as count
from curriculum_app.core.tokenizer import byte_tokenizer, train_bpe


class Table:
    """What the job asks of a sequence set."""

    def __init__(self, folder: Path, name: str, tokenizer) -> None:
        self.tokenizer_path = folder / name / "tokenizer.json"
        self.tokenizer_path.parent.mkdir()
        tokenizer.save(str(self.tokenizer_path))
        self.manifest = {"files": {"tokenizer.json": {"sha256": name}}}


TEXTS = {"short": "tiny", "one": "the river and the town " * 12, "two": "<|endoftext|> a mountain of stones " * 9}


@pytest.fixture
def ctx(tmp_path: Path) -> LocalContext:
    ctx = LocalContext(tmp_path)
    path = tmp_path / "texts.jsonl"
    lines = [{"id": key, "text": text, "source": key[0]} for key, text in TEXTS.items()]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    mapping = {"id": "id", "text": "text", "source": "source"}
    raw = DatasetVersion.open(import_.run(ImportConfig(name="raw", path=str(path), mapping=mapping), ctx).stored)
    ctx.artefacts |= {"dataset-1": raw}
    ctx.artefacts["sequences-1"] = Table(tmp_path, "bytes", byte_tokenizer())
    ctx.artefacts["sequences-2"] = Table(tmp_path, "bpe", train_bpe(TEXTS.values(), 300))
    config = {"name": "c", "datasets": ["dataset-1"], "recipes": {"*": [{"key": "min_length"}]}}
    ctx.artefacts["dataset-2"] = DatasetVersion.open(curate.run(CurateConfig.model_validate(config), ctx).stored)
    return ctx


def config(**more) -> CountTokensConfig:
    return CountTokensConfig.model_validate(
        {"dataset": "dataset-2", "tokenizers": ["sequences-1", "sequences-2"], **more}
    )


def test_kept_and_dropped_tokens_are_exact_and_add_up_to_the_raw_ones(ctx: LocalContext) -> None:
    counts = count_tokens.run(config(), ctx).counts
    assert counts.keys() == {"bytes", "bpe"}
    kept = counts["bytes"]["domains"]["text"]
    sizes = {key: len(text) for key, text in TEXTS.items()}
    assert (kept["tokens"], kept["bytes"], kept["documents"]) == (sizes["one"] + sizes["two"],) * 2 + (2,)
    assert counts["bytes"]["dropped"]["text"]["min_length"]["tokens"] == sizes["short"]
    assert {name: tally["tokens"] for name, tally in counts["bytes"]["sources"]["text"].items()} == {
        "o": sizes["one"],
        "t": sizes["two"],
    }
    assert 0 < counts["bpe"]["domains"]["text"]["tokens"] < kept["tokens"]
    raw = ctx.store.load(KIND, count_digest(ctx.artefacts["dataset-1"].digest, "bytes", 256)).manifest
    assert raw["domains"]["text"]["tokens"] == sum(sizes.values()) and raw["dropped"] == {}


def test_a_count_is_made_once(ctx: LocalContext, monkeypatch: pytest.MonkeyPatch) -> None:
    first = count_tokens.run(config(), ctx).counts
    monkeypatch.setattr(DatasetVersion, "iter_documents", None)
    assert count_tokens.run(config(), ctx).counts == first


def test_images_count_as_what_is_declared(ctx: LocalContext) -> None:
    image, sound = Media("image", url="x"), Media("audio", url="y")
    with ctx.store.stage("dataset") as stage:
        with DatasetWriter(stage.path, {}) as writer:
            writer.add(Document("1", "two images", "pairs", media=(image, image)))
            writer.add(Document("2", "a sound", "pairs", media=(sound,)))
        version = DatasetVersion.open(stage.seal(writer.digest(), writer.facts()))
    for per_image, tokens in ((256, 512), (10, 20)):
        count(ctx.store, version, {"bytes": byte_tokenizer()}, per_image, lambda size: None)
        found = ctx.store.load(KIND, count_digest(version.digest, "bytes", per_image)).manifest["domains"]["pairs"]
        assert (found["tokens"], found["media_tokens"]) == (17, tokens)


def test_without_a_tokenizer_the_next_step_is_said(ctx: LocalContext) -> None:
    with pytest.raises(InputError, match="no tokenizer to count with - group a dataset version first"):
        count_tokens.run(config(tokenizers=[]), ctx)

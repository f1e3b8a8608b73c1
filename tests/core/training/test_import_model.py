"""Import of models: what is taken in loads again bit for bit, and everything else is refused by name."""

from __future__ import annotations

import pickle
import shutil

import pytest

from chimera import capabilities
from chimera.context import Cancelled, LocalContext
from chimera.errors import InputError
from tests.core.training.model_folders import edit_json, make_model_folder
from training_app.core.checkpoint import Checkpoint
from training_app.core.configs_models import ImportModelConfig, VerifyCheckpointConfig
from training_app.core.jobs import import_model, verify_checkpoint
from training_app.core.safetensors_files import read_weights

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_model_folder(tmp_path_factory.mktemp("made") / "model")


@pytest.fixture
def folder(made, tmp_path):
    return shutil.copytree(made, tmp_path / "model")


@pytest.fixture
def ctx(tmp_path, monkeypatch):
    monkeypatch.setitem(capabilities._PROVIDERS, "installed_models", f"{__name__}:_models")
    monkeypatch.setattr(f"{__name__}._installed", tmp_path / "installed")
    return LocalContext(tmp_path / "data")


_installed = None


def _models():
    return _installed


def run(ctx, source, **more):
    config = ImportModelConfig.model_validate({"name": "tiny", "source": str(source), **more})
    return import_model.run(config, ctx)


def refused(ctx, source, **more):
    """The problems of a refused import, as `file: field: message - hint`; nothing was sealed."""
    with pytest.raises(InputError) as refusal:
        run(ctx, source, **more)
    assert not list(ctx.store.each("checkpoint"))
    assert all(problem.hint or problem.field for problem in refusal.value.problems)
    return "\n".join(map(str, refusal.value.problems))


def same_weights(one, other):
    import torch

    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)


def test_an_imported_model_loads_bit_for_bit_and_says_what_it_is(ctx, folder):
    from transformers import AutoModelForCausalLM

    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Tiny\n")
    result = run(ctx, folder)
    checkpoint = Checkpoint.open(result.stored)
    assert same_weights(checkpoint.load_model(), AutoModelForCausalLM.from_pretrained(folder))
    facts = result.stored.manifest
    assert (facts["architecture"], facts["context_length"], facts["vocab_size"]) == ("llama", 64, 32)
    assert facts["parameters"] == read_weights(folder / "model.safetensors").parameters == 5_200
    assert facts["licence"] == result.licence == "apache-2.0" and facts["tokenizer"]["tokens"] == 31
    assert {"chat_template.jinja", "tokenizer.json", "generation_config.json"} <= set(facts["files"])
    assert "README.md" not in facts["files"]


def test_the_same_files_give_the_same_checkpoint_and_a_licence_can_be_said(ctx, folder):
    first, second = run(ctx, folder), run(ctx, folder, licence="MIT")
    assert first.stored.digest == second.stored.digest and second.licence == "MIT"


def test_shards_become_one_file_with_the_same_weights(ctx, folder, tmp_path):
    from transformers import AutoModelForCausalLM

    shards = make_model_folder(tmp_path / "shards", shards=True)
    assert len(list(shards.glob("model-*.safetensors"))) > 1
    stored = run(ctx, shards).stored
    assert [name for name in stored.manifest["files"] if name.endswith("safetensors")] == ["model.safetensors"]
    assert same_weights(Checkpoint.open(stored).load_model(), AutoModelForCausalLM.from_pretrained(folder))


def test_an_installed_model_is_named_without_its_path_and_shares_its_bytes(ctx, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "installed" / "tiny-1")
    (tmp_path / "installed" / "tiny-1" / "model.json").write_text('{"name": "Tiny", "license": "CC0-1.0"}')
    result = run(ctx, "tiny-1")
    assert result.licence == "CC0-1.0"
    weights = result.stored.path / "model.safetensors"
    assert weights.samefile(tmp_path / "installed" / "tiny-1" / "model.safetensors")
    assert "installed: tiny-1; run `make models`" in refused(LocalContext(tmp_path / "other"), "tiny-2")


def test_a_pickle_is_refused_and_never_opened(ctx, folder, tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "was-run"), "w"))

    for name in ("pytorch_model.bin", "model.pt", "last.ckpt"):
        (folder / name).write_bytes(pickle.dumps(Evil()))
        assert f"{name}: files of this kind can run code" in refused(ctx, folder)
        (folder / name).unlink()
    (folder / "model.safetensors").write_bytes(pickle.dumps(Evil()) * 40)
    assert "model.safetensors: this is not a safetensors file" in refused(ctx, folder)
    assert not (tmp_path / "was-run").exists()


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_program_code_of_a_model_is_refused(ctx, folder, name):
    edit_json(folder / name, auto_map={"AutoModelForCausalLM": "modeling_x.X"})
    (folder / "modeling_x.py").write_text("raise SystemExit")
    assert "modeling_x.py: a model that brings its own program code" in refused(ctx, folder)
    (folder / "modeling_x.py").unlink()
    assert f"{name}: auto_map: it asks for program code" in refused(ctx, folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(ctx, folder, name):
    (folder / name).unlink()
    assert refused(ctx, folder).startswith(name)


def test_a_link_out_of_the_folder_is_refused(ctx, folder, tmp_path):
    (folder / "tokenizer.json").rename(tmp_path / "elsewhere.json")
    (folder / "tokenizer.json").symlink_to(tmp_path / "elsewhere.json")
    assert "tokenizer.json: this is a link to a file outside of the folder - copy" in refused(ctx, folder)


def test_weights_that_do_not_fit_the_config_are_named_with_both_shapes(ctx, folder):
    edit_json(folder / "config.json", intermediate_size=48)
    said = refused(ctx, folder)
    assert "model.layers.0.mlp.down_proj.weight: shape [16, 32] in the file, [16, 48] by config.json" in said
    edit_json(folder / "config.json", intermediate_size=32, num_hidden_layers=3)
    assert "model.layers.2.input_layernorm.weight: missing in the file" in refused(ctx, folder)
    edit_json(folder / "config.json", num_hidden_layers=1)
    assert "model.layers.1.input_layernorm.weight: not part of this architecture" in refused(ctx, folder)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hidden_size": 10**9}, "config.json: hidden_size: 1000000000 is not a whole number from 1 to 65,536"),
        ({"vocab_size": "many"}, "config.json: vocab_size: 'many' is not a whole number"),
        ({"model_type": None}, "config.json: model_type: it does not name an architecture"),
        ({"model_type": "no-such-thing"}, "transformers cannot build this model"),
        ({"model_type": "t5"}, "config.json: model_type: 't5' is no causal language model"),
        ({"architectures": ["BertForMaskedLM"]}, "architectures: ['BertForMaskedLM'] is no causal language model"),
        ({"quantization_config": {"bits": 4}}, "config.json: quantization_config: a quantised model"),
        ({"num_attention_heads": 0}, "config.json: transformers cannot build this model"),
    ],
)
def test_a_bad_setting_is_named(ctx, folder, changes, said):
    edit_json(folder / "config.json", **changes)
    assert said in refused(ctx, folder)


def test_damaged_files_are_named(ctx, folder):
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[:-100])
    assert "model.safetensors: its header promises" in refused(ctx, folder)
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "config.json").write_text('{"model_type": "llama",\n oops}')
    assert "config.json:2: this is not JSON" in refused(ctx, folder)


def test_a_tokenizer_of_another_model_is_refused(ctx, folder):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_tokens(["more", "words"])
    tokenizer.save(str(folder / "tokenizer.json"))
    assert "config.json: vocab_size: the tokenizer has 33 tokens, the model only 32" in refused(ctx, folder)
    (folder / "tokenizer.json").write_text("{}")
    assert "tokenizer.json: the tokenizer cannot be read" in refused(ctx, folder)


def test_nan_in_a_weight_is_named(ctx, folder):
    import torch
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][3] = torch.nan
    save_file(weights, folder / "model.safetensors")
    assert "model.safetensors: model.norm.weight: holds NaN or infinity" in refused(ctx, folder)


def test_more_than_the_allowed_size_is_refused(ctx, folder):
    assert "max_gigabytes: the weights have 0.0 GB, more than" in refused(ctx, folder, max_gigabytes=1e-6)


def test_a_cancelled_import_leaves_nothing(ctx, folder):
    ctx.requested = "cancel"
    with pytest.raises(Cancelled):
        run(ctx, folder)
    assert not list((ctx.store.root / "checkpoint").iterdir())


def test_verification_names_the_file_that_was_changed(ctx, folder):
    stored = run(ctx, folder).stored
    ctx.artefacts["checkpoint-1"] = Checkpoint.open(stored)
    config = VerifyCheckpointConfig(checkpoint="checkpoint-1")
    assert verify_checkpoint.run(config, ctx).verification.damaged == ()
    with (stored.path / "model.safetensors").open("r+b") as weights:
        weights.seek(-1, 2)
        weights.write(b"\x01")
    with pytest.raises(InputError, match=r"model\.safetensors: was changed"):
        verify_checkpoint.run(config, ctx)

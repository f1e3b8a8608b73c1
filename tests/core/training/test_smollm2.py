"""Opt-in (`pytest -m models`): the model that `make models` has installed is imported, loads and answers."""

from __future__ import annotations

import pytest

from chimera import capabilities, environment
from chimera.context import LocalContext
from training_app.core.checkpoint import Checkpoint
from training_app.core.configs_models import ImportModelConfig, ReplyConfig
from training_app.core.jobs import generate_reply, import_model
from training_app.install_models import ROOT

pytestmark = pytest.mark.models
NAME = "smollm2-135m-instruct"
INSTALLED = environment.path("CHIMERA_INSTALLED_MODELS", ROOT / ".data" / "models")


def installed():
    return INSTALLED


@pytest.fixture
def ctx(tmp_path, monkeypatch):
    if not (INSTALLED / NAME).is_dir():
        pytest.skip(f"{NAME} is not in {INSTALLED}: run `make models`, or name the place by CHIMERA_INSTALLED_MODELS")
    monkeypatch.setitem(capabilities._PROVIDERS, "installed_models", f"{__name__}:installed")
    return LocalContext(tmp_path)


def test_the_installed_model_is_imported_loads_and_answers(ctx):
    result = import_model.run(ImportModelConfig(name="smollm2", source=NAME), ctx)
    facts = result.stored.manifest
    assert (facts["parameters"], facts["context_length"], facts["vocab_size"]) == (134_515_008, 8192, 49_152)
    assert result.licence == "Apache-2.0"
    ctx.artefacts["checkpoint-1"] = Checkpoint.open(result.stored)
    question = [{"role": "user", "content": "What is the capital of France?"}]
    config = {"checkpoint": "checkpoint-1", "messages": question, "temperature": 0, "max_tokens": 12}
    reply = generate_reply.run(ReplyConfig.model_validate(config), ctx)
    assert "Paris" in reply.text and reply.templated and reply.ended

"""Any causal language model that `transformers` can build from a config."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from chimera.errors import InputError, Problem
from chimera.typed import Config as BaseConfig
from training_app.core.architectures.base import ARCHITECTURES, Architecture, TextShape

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@ARCHITECTURES.register("any_causal")
class AnyCausal(Architecture):
    """A model type of `transformers` (gpt2, gpt_neox, olmo2, mamba2, …) with the entries of its own config.

    Chimera's own way to say it; each model type names its own paper in the documentation of `transformers`.
    """

    title = "Any of transformers"

    class Config(BaseConfig):
        """What its config class takes; vocabulary size, context length and end-of-text are set from the sequences."""

        model_type: str = Field("gpt2", min_length=1, max_length=60, title="Model type")
        settings: dict[str, Any] = Field(
            default={"n_embd": 64, "n_layer": 2, "n_head": 2, "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0},
            title="Settings", description="as in a config.json; names are those of the model type",
        )  # fmt: skip

    config: Config

    def transformers_config(self, text: TextShape) -> PretrainedConfig:
        from transformers.models.auto import CONFIG_MAPPING, MODEL_FOR_CAUSAL_LM_MAPPING

        kind = self.config.model_type
        if kind not in CONFIG_MAPPING or CONFIG_MAPPING[kind] not in MODEL_FOR_CAUSAL_LM_MAPPING:
            hint = "for example gpt2, gpt_neox, olmo2, gemma2, mamba2"
            problem = Problem(f"transformers has no causal model {kind!r}", field="model.config.model_type", hint=hint)
            raise InputError(problem)
        given: dict[str, Any] = {"max_position_embeddings": text.max_length, **self.config.settings}
        given |= {"vocab_size": text.vocab_size, "bos_token_id": text.eos_id, "eos_token_id": text.eos_id}
        try:
            built: PretrainedConfig = CONFIG_MAPPING[kind](**given)
        except Exception as error:  # every config class checks its own entries in its own way
            problem = Problem(f"{kind} does not take these settings: {error}", field="model.config.settings")
            raise InputError(problem) from error
        return built

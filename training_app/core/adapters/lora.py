"""Low-rank adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from chimera.errors import InputError, Problem
from chimera.typed import Config as BaseConfig
from training_app.core.adapters.base import ADAPTERS, Adapter

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ALL = "all-linear"


@ADAPTERS.register("lora")
class Lora(Adapter):
    """Low-rank matrices beside frozen linear layers (Hu et al., arXiv 2106.09685), by `peft`."""

    title = "LoRA"

    class Config(BaseConfig):
        """Size and place of the adapters."""

        rank: int = Field(8, ge=1, le=1024, title="Rank")
        alpha: float = Field(16.0, gt=0, le=4096, title="Alpha", description="the adapter is scaled by alpha / rank")
        dropout: float = Field(0.0, ge=0, lt=1, title="Dropout")
        targets: list[str] = Field(
            default=["q_proj", "k_proj", "v_proj", "o_proj"],
            min_length=1, title="Layers", description=f"names of linear layers; {ALL}: every one inside the blocks",
        )  # fmt: skip

    config: Config

    def apply(self, model: PreTrainedModel) -> None:
        from peft import LoraConfig

        targets: list[str] | str = ALL if ALL in self.config.targets else self.config.targets
        if targets != ALL:
            self._require_layers(model)
        model.add_adapter(
            LoraConfig(
                r=self.config.rank,
                lora_alpha=self.config.alpha,  # type: ignore[arg-type]  # peft divides it, any number will do
                lora_dropout=self.config.dropout,
                target_modules=targets,
                task_type="CAUSAL_LM",
            )
        )

    def _require_layers(self, model: PreTrainedModel) -> None:
        from training_app.core.model import hidden_linears

        present = {name.rpartition(".")[2] for name in hidden_linears(model)}
        missing = [name for name in self.config.targets if name not in present]
        if missing:
            hint = f"its linear layers are called {', '.join(sorted(present))}"
            message = f"the base has no layer {', '.join(missing)}"
            raise InputError(Problem(message, field="adapter.config.targets", hint=hint))

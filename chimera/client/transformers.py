"""`ChimeraCallback`: streams what any `transformers.Trainer` logs, those of trl included.

    trainer = Trainer(..., callbacks=[ChimeraCallback("http://127.0.0.1:8000", "chimera_…", name="my run")])

Import it where you train; `chimera.client` itself does not load transformers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from .run import Run, start


class ChimeraCallback(TrainerCallback):
    """Starts a run when training begins and ends it when training ends. Only the main process of several logs.

    Args:
        url, token: as in `chimera.client.start`.
        name: default: `run_name` of the arguments, else the name of the output folder.
        run: log into this run, which is then yours to end, instead of starting one.
        options: anything else that `chimera.client.start` takes (`group`, `id`, `config`, …).
    """

    def __init__(
        self, url: str | None = None, token: str | None = None, name: str = "", run: Run | None = None, **options: Any
    ) -> None:
        self._url, self._token, self._name, self._options = url, token, name, options
        self._own = run is None
        self.run = run

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if not (self._own and state.is_world_process_zero):
            return
        options = {"seed": args.seed, "steps": state.max_steps or None, **self._options}
        if state.global_step and "id" in options:
            options.setdefault("resume_step", state.global_step)
        settings = {"arguments": _as_dict(args), "model": _as_dict(getattr(kwargs.get("model"), "config", None))}
        options["config"] = settings | dict(options.get("config") or {})
        name = self._name or args.run_name or Path(args.output_dir or "run").name
        self.run = start(self._url, self._token, name=name, source="transformers", **options)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if self.run is not None and logs:
            tokens = logs.get("num_tokens") or getattr(state, "num_input_tokens_seen", 0) or None  # trl's, else its own
            self.run.log(logs, step=state.global_step, tokens=int(tokens) if tokens else None)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self.run is not None:
            self.run.event(f"saved checkpoint-{state.global_step}", "checkpoint", state.global_step)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Cancelled in Chimera: training stops after this step."""
        if self.run is not None and self.run.should_stop:
            control.should_training_stop = True

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if self._own and self.run is not None:
            self.run.finish()


def _as_dict(config: Any) -> Any:
    return config.to_dict() if hasattr(config, "to_dict") else None

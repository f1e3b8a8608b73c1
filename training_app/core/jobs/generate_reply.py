"""The `generate-reply` job: what a checkpoint says next, streamed while it is said. Torch is imported when it runs."""

from __future__ import annotations

import time
from dataclasses import dataclass

from chimera.context import Context
from training_app.core.configs_models import ReplyConfig

STREAM_SECONDS = 0.2
CONTEXT = 4096  # tokens shown to a model whose config states no limit
LEFT = 4  # a quarter of the context, or what is asked for if that is less, is left for the reply
WORDS = "words"  # the event that carries a piece of the reply; its step is the number of tokens so far


@dataclass(frozen=True)
class Reply:
    """A finished reply. `seconds` is from the first look at the prompt to the last token, loading left out."""

    text: str
    tokens: int
    prompt_tokens: int
    seconds: float
    ended: bool  # by itself, not by the limit
    templated: bool
    dropped: int  # oldest turns that did not fit into the context
    device: str

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds if self.seconds else 0.0


class Outbox:
    """Pieces of text, sent on a few times a second: each is a row in the database."""

    def __init__(self, ctx: Context, most: int) -> None:
        self.ctx, self.most = ctx, most
        self.text, self.tokens = "", 0
        self._waiting, self._sent_at = "", 0.0

    def add(self, piece: str) -> None:
        self.text, self._waiting, self.tokens = self.text + piece, self._waiting + piece, self.tokens + 1
        if time.monotonic() - self._sent_at >= STREAM_SECONDS:
            self.send()

    def send(self) -> None:
        if self._waiting:
            self.ctx.recorder.event(WORDS, self._waiting, self.tokens)
        self.ctx.progress(self.tokens, self.most, "tokens")
        self._waiting, self._sent_at = "", time.monotonic()


def run(config: ReplyConfig, ctx: Context) -> Reply:
    """Load the checkpoint (an adapter on its base), show it the conversation, and say what comes.

    Raises:
        InputError: the conversation does not fit into the model's context.
        Cancelled, Paused, LeaseLost: asked for between two tokens.
    """
    import torch

    from training_app.core.conversation import Reader
    from training_app.core.engine import resolve_device
    from training_app.core.generation import Words, end_ids, generate

    checkpoint = ctx.open(config.checkpoint)
    torch.set_num_threads(config.threads)
    ctx.progress(0, config.max_tokens, "tokens", "loading the model")
    model = checkpoint.load_model()
    model.to(torch.device(resolve_device(config.device)))  # type: ignore[arg-type]
    start = model.config.bos_token_id
    reader = Reader(checkpoint.path, model.config.eos_token_id if start is None else start)
    room = int(getattr(model.config, "max_position_embeddings", None) or CONTEXT)
    shown = reader.show(config.messages, room - min(config.max_tokens, max(1, room // LEFT)))
    most = min(config.max_tokens, room - len(shown.ids))
    outbox, words, stop, ended = Outbox(ctx, most), Words(reader.tokenizer), end_ids(model), False
    started = time.monotonic()
    for token in generate(model, shown.ids, config, most):
        ctx.check()
        ended = token in stop
        outbox.add("" if ended else words.add(token))
    outbox.send()
    return Reply(
        outbox.text, outbox.tokens, len(shown.ids), time.monotonic() - started, ended, shown.templated, shown.dropped,
        str(model.device),
    )  # fmt: skip

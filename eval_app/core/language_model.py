"""A checkpoint as lm-eval's language model: log-likelihoods of continuations and generated text, in batches.

Token ids are those of the checkpoint's tokenizer without special tokens; an empty context is the end-of-text token, and
what is too long loses its beginning, as in lm-eval's `HFLM`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import TemplateLM
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window
from tokenizers import Tokenizer
from transformers import PreTrainedModel

from eval_app.core.batched_generation import Reply, write_replies
from eval_app.core.continuations import Answered, Continuations, Cut, Request, cut_of
from training_app.core.configs_models import Sampling

Pair = tuple[tuple[str, str], list[int], list[int]]
Seen = tuple[int, Cut]  # tokens of a continuation that are scored, what of the request is cut


class CheckpointLM(TemplateLM):
    """What lm-eval's tasks ask. `after` is called with the number of requests answered since the last call."""

    backend = "causal"

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: Tokenizer,
        end_id: int,
        max_length: int,
        after: Callable[[int], None] = lambda _: None,
    ) -> None:
        super().__init__()
        self.model, self.words, self.end_id, self.max_length, self.after = model, tokenizer, end_id, max_length, after
        self.continuations = Continuations(model, end_id, max_length)

    @property
    def eot_token_id(self) -> int:
        return self.end_id

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **kwargs: Any) -> list[int]:
        ids: list[int] = self.words.encode(string, add_special_tokens=False).ids
        return ids

    def loglikelihood(self, requests: Sequence[Instance], disable_tqdm: bool = True) -> list[Answered]:
        """`(log-likelihood in nats, whether greedy)` of each continuation, in the order of the requests."""
        return self.score(self.encoded([request.args for request in requests]))

    def encoded(self, pairs: Sequence[tuple[str, str]]) -> list[Pair]:
        """Contexts and continuations as tokens, as `TemplateLM` has them: cut from the tokens of both together.

        Spaces at the end of a context belong to the continuation; every different text is encoded once.
        """
        moved = [(c.rstrip(), c[len(c.rstrip()) :] + ending) if c else ("", ending) for c, ending in pairs]
        ids = self._ids({text for context, ending in moved for text in (context, context + ending)})
        found = []
        for pair, (context, ending) in zip(pairs, moved, strict=True):
            whole, before = ids[context + ending], ids[context]
            if pair[0]:
                found.append((pair, before, whole[len(before) :]))
            elif whole[:1] == [self.end_id]:
                found.append((pair, whole[:1], whole[1:]))
            else:
                found.append((pair, [self.end_id], whole))
        return found

    def _ids(self, texts: Iterable[str]) -> dict[str, list[int]]:
        listed = sorted(texts)
        many = self.words.encode_batch_fast(listed, add_special_tokens=False)
        return {text: each.ids for text, each in zip(listed, many, strict=True)}

    def score(self, encoded: Sequence[Pair]) -> list[Answered]:
        """Answers to encoded requests; a context without any token (spaces only) is the end-of-text token."""
        return self.continuations.score(self._requests(encoded), self.after)

    def _requests(self, encoded: Sequence[Pair]) -> list[Request]:
        return [(context or [self.end_id], ending) for _, context, ending in encoded]

    def seen(self, encoded: Sequence[Pair]) -> list[Seen]:
        """What `score` reads of encoded requests: tokens of the continuation, and what is cut at the context."""
        longest = self.max_length
        return [(min(len(each[1]), longest), cut_of(each, longest)) for each in self._requests(encoded)]

    def _loglikelihood_tokens(self, requests: list[Pair], **kwargs: Any) -> list[Answered]:
        return self.score(requests)

    def loglikelihood_rolling(self, requests: Sequence[Instance], disable_tqdm: bool = True) -> list[float]:
        """Each token of each text predicted once, with as much context as fits."""
        ids = self._ids({request.args[0] for request in requests})
        windows: list[Pair] = []
        owners: list[int] = []
        for number, request in enumerate(requests):
            cut = get_rolling_token_windows(
                ids[request.args[0]], self.end_id, max_seq_len=self.max_length, context_len=1
            )
            windows += [(("", ""), *make_disjoint_window(each)) for each in cut]
            owners += [number] * (len(windows) - len(owners))
        sums = [0.0] * len(requests)
        for owner, (value, _) in zip(owners, self.score(windows), strict=True):
            sums[owner] += value
        return sums

    def generate_until(self, requests: Sequence[Instance], disable_tqdm: bool = True) -> list[str]:
        """Text up to the first stop string, greedy unless the task asks for a temperature."""
        ids = self._ids({request.args[0] for request in requests})
        replies = [
            self._reply(ids[request.args[0]], dict(request.args[1] or {}), seed=number)
            for number, request in enumerate(requests)
        ]
        write_replies(self.model, replies, self.words.decode, self.after)
        return [_cut(reply.text, _stops(request.args[1])) for reply, request in zip(replies, requests, strict=True)]

    def seen_before_writing(self, requests: Sequence[Instance]) -> list[Seen]:
        """What `generate_until` reads of requests: no continuation, and whether the prompt is cut at the context."""
        ids = self._ids({request.args[0] for request in requests})
        return [
            (0, "prompt" if len(ids[request.args[0]]) > self._room(dict(request.args[1] or {})) else "")
            for request in requests
        ]

    def _room(self, settings: dict[str, Any]) -> int:
        """Tokens that a prompt may have: at least half of what the model can see."""
        return max(self.max_length - _wanted(settings), self.max_length // 2, 1)

    def _reply(self, ids: list[int], settings: dict[str, Any], seed: int) -> Reply:
        wanted, kept = _wanted(settings), (ids or [self.end_id])[-self._room(settings) :]
        sampling = Sampling(temperature=settings.get("temperature", 0.0), top_p=settings.get("top_p", 1.0), seed=seed)
        stops = _stops(settings)
        return Reply(kept, sampling, max(min(wanted, self.max_length - len(kept)), 1), lambda text: _ends(text, stops))


def _wanted(settings: dict[str, Any]) -> int:
    """Tokens of an answer."""
    return int(settings.get("max_gen_toks", 256))


def _stops(settings: dict[str, Any] | None) -> list[str]:
    until = (settings or {}).get("until", [])
    return [each for each in ([until] if isinstance(until, str) else until) if each]


def _ends(text: str, stops: Sequence[str]) -> bool:
    return any(stop in text for stop in stops)


def _cut(text: str, stops: Sequence[str]) -> str:
    return text[: min((text.find(stop) for stop in stops if stop in text), default=len(text))]

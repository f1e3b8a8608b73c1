"""`JobKind`: the one description of a job from which the four doors come.

A kind is a pydantic config and one function. Functions are dotted strings (`package.module:function`), resolved where
they are needed, so that the web process describes every job without importing torch.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chimera.errors import InputError, Problem
from chimera.typed import Config


@dataclass(frozen=True)
class Adopted:
    """What `adopt` wrote: names of artefacts → their uid (`dataset-3`), and a small JSON summary."""

    artifacts: dict[str, str] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Child:
    """A job that a composite wants: created at most once per `slot`."""

    slot: str
    kind: str
    config: Config


@dataclass(frozen=True)
class Finished:
    """A succeeded child as the plan of its composite sees it."""

    artifacts: dict[str, str]
    summary: dict[str, Any]


CLIENT_QUEUE = "client"  # no worker takes from it: a program elsewhere holds these jobs through the API
QUICK = "quick"  # seconds of work that somebody waits for: a preview, a dry run, an answer


@dataclass(frozen=True)
class JobKind:
    """A kind of job.

    Leaf: `run` is `run(config, ctx) -> result` (pure domain), `adopt` is `adopt(job, result) -> Adopted`, called in the
    transaction that ends the job. Composite: `plan` is `plan(config, finished) -> list[Child]` (pure; names every child
    that may exist by now), `conclude` is `conclude(job, finished) -> Adopted`, called when all of them have succeeded.
    Of a client: `queue` is `CLIENT_QUEUE`, and a program elsewhere starts it, holds its lease and ends it.
    `created` is `created(job) -> None`, called in the transaction that creates the job.
    `complete` is `complete(raw, project) -> raw`, called before a config is validated: what short forms of it name in
    this project is spelt out, so that the config that is stored means the same ever after.
    `check` is `check(config, project) -> None`, called when a user starts a job: raises InputError for what can be said
    at once, so that it is said at the field and nothing is queued; `run` says it too.
    `foretell` is `foretell(config, project) -> str`: a line on what a job of this config will take, shown in its form.
    `recorder` is `recorder(job, lease) -> Recorder`. `page` is `page(job) -> str`, the URL a browser goes to.
    """

    name: str
    title: str
    summary: str
    config: type[Config]
    run: str = ""
    adopt: str = ""
    plan: str = ""
    conclude: str = ""
    created: str = ""
    complete: str = ""
    check: str = ""
    foretell: str = ""
    recorder: str = ""
    page: str = ""
    queue: str = "cpu"
    listed: bool = True  # offered in "New job" of the browser

    @property
    def composite(self) -> bool:
        return bool(self.plan)

    @property
    def of_client(self) -> bool:
        return self.queue == CLIENT_QUEUE


_KINDS: dict[str, JobKind] = {}


def register(kind: JobKind) -> JobKind:
    """Register a kind; an app's `kinds.py` does so when Django starts."""
    if kind.name in _KINDS:
        raise ValueError(f"job kind {kind.name!r} is registered twice")
    _KINDS[kind.name] = kind
    return kind


def all_kinds() -> list[JobKind]:
    return sorted(_KINDS.values(), key=lambda kind: kind.name)


def get_kind(name: str) -> JobKind:
    """The kind `name`.

    Raises:
        InputError: no such kind; the hint lists those that exist.
    """
    if name not in _KINDS:
        raise InputError(
            Problem(f"unknown job kind {name!r}", field="kind", hint=f"one of {', '.join(sorted(_KINDS))}")
        )
    return _KINDS[name]


def resolve(dotted: str) -> Callable[..., Any]:
    """The function behind `package.module:function`."""
    module, _, name = dotted.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def page_of(job: Any) -> str:
    """Where a browser goes to see this job's result; empty when its kind has no page but the job's own."""
    kind = _KINDS.get(job.kind)
    return str(resolve(kind.page)(job)) if kind is not None and kind.page else ""

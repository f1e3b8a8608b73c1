"""The log of a job: what is new since a line, for the open page, and all of it as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from chimera.jobs import selectors
from chimera.jobs.models import Job, JobLog
from chimera.projects.access import Actor
from chimera.projects.request import actor_of


@require_GET
def job_log(request: HttpRequest, pk: int) -> HttpResponse:
    """Lines after the chunk `after` and a mark that asks for the next ones."""
    actor = actor_of(request)
    job = selectors.job_get(actor, pk)
    after = request.GET.get("after", "")
    number = int(after) if after.isdecimal() and len(after) < 19 else 0
    return render(request, "jobs/_log_lines.html", log_context(actor, job, request.GET.get("level", ""), number))


@require_GET
def job_log_text(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """The whole log as a text file, streamed."""
    actor = actor_of(request)
    job = selectors.job_get(actor, pk)
    chunks = selectors.log_of(actor, job, request.GET.get("level", "")).iterator(chunk_size=50)
    response = StreamingHttpResponse(_lines(chunks), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{job.uid}-log.txt"'
    return response


def log_context(actor: Actor, job: Job, level: str = "", after: int = 0) -> dict[str, Any]:
    """What `_log_lines.html` shows: chunks with a heading where an attempt begins, and where to go on."""
    level = level if level in selectors.LOG_LEVELS else ""
    chunks = selectors.log_after(actor, job, level, after)
    before = chunks[0].attempt if after and chunks and not _begins(actor, job, chunks[0]) else 0
    marked = []
    for chunk in chunks:
        marked.append((chunk, chunk.attempt != before and chunk.attempt > 1))
        before = chunk.attempt
    return {
        "job": job,
        "chunks": marked,
        "level": level,
        "levels": selectors.LOG_LEVELS,
        "after": chunks[-1].pk if chunks else after,
        "first": after == 0,
    }


def _begins(actor: Actor, job: Job, chunk: JobLog) -> bool:
    """Whether `chunk` is the first one of its attempt."""
    return not selectors.log_of(actor, job, "").filter(attempt=chunk.attempt, pk__lt=chunk.pk).exists()


def _lines(chunks: Iterator[JobLog]) -> Iterator[str]:
    for chunk in chunks:
        head = f"{chunk.at:%Y-%m-%d %H:%M:%S} attempt {chunk.attempt} {chunk.level:<7} "
        yield "".join(f"{head}{line}\n" for line in chunk.text.split("\n"))

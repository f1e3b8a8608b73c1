"""Rows for the results of jobs about models, written in the transaction that ends them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from chimera.jobs.adoption import adopt_artefact
from chimera.jobs.kinds import Adopted
from chimera.jobs.models import Job
from chimera.jobs.storable import storable
from training_app.core.jobs.generate_reply import Reply
from training_app.core.jobs.import_model import ImportModelResult
from training_app.core.jobs.measure_worker import MeasureWorkerResult
from training_app.core.jobs.verify_checkpoint import VerifyCheckpointResult
from training_app.models import ChatReply, Checkpoint, WorkerSpeed


def adopt_import_model(job: Job, result: ImportModelResult) -> Adopted:
    """A checkpoint without run and parent."""
    name = str(job.config["name"])
    checkpoint = adopt_artefact(Checkpoint, job, result.stored, name, licence=result.licence[:60])
    facts = ("architecture", "parameters", "context_length", "vocab_size", "licence")
    return Adopted({"checkpoint": checkpoint.uid}, {name: checkpoint.manifest.get(name) for name in facts})


def adopt_verify_checkpoint(job: Job, result: VerifyCheckpointResult) -> Adopted:
    """The note lies beside the artefact; the job says what it found."""
    found = result.verification
    return Adopted({"checkpoint": str(job.config["checkpoint"])}, {"files": found.files, "bytes": found.bytes})


def adopt_measure_worker(job: Job, result: MeasureWorkerResult) -> Adopted:
    """The newest speeds of a machine take the place of those before."""
    summary: dict[str, Any] = {}
    for speed in result.speeds:
        fields = asdict(speed)
        key = {name: fields.pop(name) for name in ("host", "device", "threads")}
        WorkerSpeed.objects.update_or_create(**key, defaults=fields)
        peaks = {name: round(max(rates.values()) / 1e9, 1) for name, rates in speed.matmul.items()}
        summary[f"{speed.host} {speed.device} × {speed.threads}"] = {
            **{f"GFLOP/s {name}": peak for name, peak in peaks.items()}, "GB/s": round(speed.bandwidth / 1e9, 1),
        }  # fmt: skip
    return Adopted({}, summary)


def adopt_reply(job: Job, result: Reply) -> Adopted:
    """The whole reply in its place in a chat, if it was asked for in one."""
    said = {**storable(asdict(result)), "tokens_per_second": round(result.tokens_per_second, 2)}
    fields = ("text", "tokens", "prompt_tokens", "seconds", "ended", "templated", "dropped")
    ChatReply.objects.filter(job=job).update(**{name: said[name] for name in fields})
    return Adopted({}, said)

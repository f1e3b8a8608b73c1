"""What is done with whole checkpoints: verify one, take one away."""

from __future__ import annotations

from collections.abc import Iterator

from chimera.jobs import services
from chimera.jobs.models import FINISHED, Job
from chimera.projects.access import Actor
from chimera.projects.models import Role
from training_app.core.model_export import model_tar
from training_app.models import Checkpoint


def verifying(row: Checkpoint) -> Job | None:
    """The verification that is under way."""
    jobs = Job.objects.filter(project=row.project_id, kind="verify-checkpoint", config__checkpoint=row.uid)
    return jobs.exclude(state__in=FINISHED).order_by("-pk").first()


def verify(actor: Actor, row: Checkpoint) -> Job:
    """Read every file again, in a job; one that is under way is not started twice.

    Raises:
        PermissionDenied: the actor is no editor.
    """
    actor.require(Role.EDITOR)
    return verifying(row) or services.start(actor, "verify-checkpoint", {"checkpoint": row.uid})[0]


def export(row: Checkpoint) -> Iterator[bytes]:
    """A tar of the folder that `from_pretrained` reads.

    Raises:
        FileNotFoundError: the files are not on this host.
    """
    return model_tar(row.stored(), folder_name(row), card(row))


def folder_name(row: Checkpoint) -> str:
    """A name that is a file name everywhere."""
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in row.name).strip("-.")
    return f"{safe or 'checkpoint'}-v{row.version}"


def card(row: Checkpoint) -> str:
    """What the model is, as the head of a README for whoever gets the folder."""
    facts = row.manifest
    lines = ["---", f"license: {row.licence}", "---", f"# {row.label}", ""] if row.licence else [f"# {row.label}", ""]
    lines += [f"Made by Chimera. Digest of the checkpoint: `{row.digest}`.", ""]
    for title, value in (
        ("Architecture", facts.get("architecture")), ("Parameters", facts.get("parameters")),
        ("Context", facts.get("context_length")), ("Vocabulary", facts.get("vocab_size")),
        ("Step", row.step or None), ("Tokens", row.tokens or None),
        ("Trained from", row.parent.label if row.parent else None), ("Digest of the base", facts.get("base")),
    ):  # fmt: skip
        if value is not None:
            lines.append(f"* {title}: {value}")
    if (row.manifest.get("adapter") or {}).get("key") == "lora":
        lines += ["", "A LoRA adapter: load the base first, then this folder with `peft.PeftModel.from_pretrained`."]
    return "\n".join(lines) + "\n"

"""One checkpoint: facts, scores, prediction against measurement, lineage, files; verify it, take it away."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_http_methods

from chimera.artefact_notes import last_verification
from chimera.artefacts import ArtefactStore
from chimera.projects.request import actor_of, crumbs, off_the_loop
from training_app.models import Checkpoint
from training_app.selectors import runs as selectors
from training_app.selectors.checkpoint_lineage import family_of
from training_app.selectors.checkpoints import average_facts, average_query, checkpoint_facts, fork_query
from training_app.selectors.measured import estimate_of, measured_of
from training_app.selectors.portfolio import checkpoint_shape
from training_app.services import checkpoints as services


@require_GET
def checkpoint_detail(request: HttpRequest, pk: int) -> HttpResponse:
    row, actor = _row_or_404(request, pk), actor_of(request)
    trail = [("Models", reverse("models"))]
    if row.run is not None:
        trail.append((row.run.name, reverse("run-detail", args=[row.run.pk])))
    shape = checkpoint_shape(row)
    context = {
        "checkpoint": row,
        "facts": checkpoint_facts(row),
        "fork": fork_query(row),
        "average": average_query(row.run),
        "averaged": average_facts(actor, row),
        "shape": shape,
        "estimate": estimate_of(row, shape),
        "measured": measured_of(row),
        "graph": family_of(actor, row),
        "crumbs": crumbs(*trail, (row.uid, "")),
    }
    return render(request, "training/checkpoint.html", context | _care(row))


def _care(row: Checkpoint) -> dict[str, object]:
    store = ArtefactStore(settings.DATA_DIR / "artefacts")
    return {
        "checkpoint": row,
        "verification": last_verification(store, row.ref_kind, row.digest),
        "verifying": services.verifying(row),
        "verify_url": reverse("checkpoint-verify", args=[row.pk]),
    }


@require_http_methods(["GET", "POST"])
def verify(request: HttpRequest, pk: int) -> HttpResponse:
    """POST reads every file again, in a job; GET answers htmx with how far it is or what it found."""
    row = _row_or_404(request, pk)
    if request.method == "POST":
        services.verify(actor_of(request), row)
        return redirect(f"{reverse('checkpoint-detail', args=[pk])}#files")
    return render(request, "partials/verification.html", _care(row))


@require_GET
def export(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """The folder that `from_pretrained` reads, as a tar; sent while it is made."""
    row = _row_or_404(request, pk)
    try:
        pieces = services.export(row)
    except FileNotFoundError as error:
        raise Http404(f"the files of {row} are not on this machine") from error
    name = content_disposition_header(as_attachment=True, filename=f"{services.folder_name(row)}.tar")
    headers = {"Content-Disposition": name}
    return StreamingHttpResponse(off_the_loop(pieces), content_type="application/x-tar", headers=headers)


def _row_or_404(request: HttpRequest, pk: int) -> Checkpoint:
    try:
        return selectors.get_checkpoint(actor_of(request), pk)
    except Checkpoint.DoesNotExist:
        raise Http404(f"checkpoint-{pk} does not exist in this project") from None

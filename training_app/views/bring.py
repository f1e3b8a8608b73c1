"""Bring your own run: how another trainer logs here, with snippets that hold this server's address."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from chimera.errors import InputError
from chimera.jobs.models import new_idempotency_key
from chimera.projects.models import Role
from chimera.projects.request import actor_of, crumbs
from curriculum_app.forms import add_problems
from training_app.forms import ImportRunForm
from training_app.services import client_wheel
from training_app.services.adopt_imported import import_start

_LOOP = """\
import chimera.client

with chimera.client.start("{url}", "{token}", name="my run", config={{"lr": 3e-4}}) as run:
    for step in range(1, 1001):
        ...  # your training step
        run.log({{"loss": loss, "grad_norm": norm}}, step=step, tokens=tokens)
"""
_TRAINER = """\
from chimera.client.transformers import ChimeraCallback

callback = ChimeraCallback("{url}", "{token}", name="my run", group="my comparison")
trainer = Trainer(model, arguments, train_dataset=rows, callbacks=[callback])  # also trl's
trainer.train()
"""
_CALLS = """\
export CHIMERA_URL={url} CHIMERA_TOKEN={token}
send() {{ curl -s -H "Authorization: Bearer $CHIMERA_TOKEN" -d "$2" "$CHIMERA_URL/api/runs$1"; }}
send "" '{{"name": "my run", "id": "my-run-1"}}'           # answers with "run" and "session"
send /run-1/points '{{"session": "…", "seq": 1, "points": [{{"step": 1, "tokens": 1024, "values": {{"loss": 7.1}}}}]}}'
send /run-1/finish '{{"session": "…", "state": "succeeded"}}'
"""
SNIPPETS = (
    ("loop", "A loop of your own", "standard library only; sends in the background", _LOOP),
    ("trainer", "transformers and trl", "everything the trainer logs", _TRAINER),
    ("calls", "Any language", "four calls; a batch with the same seq is stored once", _CALLS),
)
TOKEN = "chimera_…"


@require_http_methods(["GET", "POST"])
def bring(request: HttpRequest) -> HttpResponse:
    """The page; its form imports finished runs, two clicks on the button once."""
    actor = actor_of(request)
    sent = request.method == "POST"
    form = ImportRunForm(request.POST if sent else None, request.FILES if sent else None)
    key = request.POST.get("idempotency_key", "")
    if sent:
        actor.require(Role.EDITOR)
    if sent and form.is_valid():
        said = form.cleaned_data
        try:
            job = import_start(actor, said["file"], said["path"], {"key": said["reader"]}, said["group"], key)
        except InputError as error:
            add_problems(form, error)
        else:
            return redirect("job-detail", pk=job.pk)
    return _page(request, form, key or new_idempotency_key())


def _page(request: HttpRequest, form: ImportRunForm, key: str) -> HttpResponse:
    url = request.build_absolute_uri("/").rstrip("/")
    snippets = [(slug, title, sub, code.format(url=url, token=TOKEN)) for slug, title, sub, code in SNIPPETS]
    context = {
        "form": form,
        "key": key,
        "limit": settings.MAX_UPLOAD_BYTES,
        "snippets": snippets,
        "wheel": client_wheel.FILE,
        "install": f"pip install ./{client_wheel.FILE}",
        "trial": f"python -m chimera.client --url {url} --token {TOKEN} try",
        "may_write": actor_of(request).can_edit,
        "crumbs": crumbs(("Runs", reverse("runs")), ("Bring your own", "")),
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "training/bring.html", context, status=status)


@require_GET
def wheel(request: HttpRequest) -> HttpResponse:
    """The logging client, to be installed where training runs."""
    disposition = {"Content-Disposition": f'attachment; filename="{client_wheel.FILE}"'}
    return HttpResponse(client_wheel.wheel(), content_type="application/zip", headers=disposition)

"""Bring your own run: how another trainer logs here, with snippets that hold this server's address."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from chimera.projects.request import actor_of, crumbs
from training_app.services import client_wheel

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


@require_GET
def bring(request: HttpRequest) -> HttpResponse:
    url = request.build_absolute_uri("/").rstrip("/")
    snippets = [(slug, title, sub, code.format(url=url, token=TOKEN)) for slug, title, sub, code in SNIPPETS]
    context = {
        "snippets": snippets,
        "wheel": client_wheel.FILE,
        "install": f"pip install ./{client_wheel.FILE}",
        "trial": f"python -m chimera.client --url {url} --token {TOKEN} try",
        "may_write": actor_of(request).can_edit,
        "crumbs": crumbs(("Runs", reverse("runs")), ("Bring your own", "")),
    }
    return render(request, "training/bring.html", context)


@require_GET
def wheel(request: HttpRequest) -> HttpResponse:
    """The logging client, to be installed where training runs."""
    disposition = {"Content-Disposition": f'attachment; filename="{client_wheel.FILE}"'}
    return HttpResponse(client_wheel.wheel(), content_type="application/zip", headers=disposition)

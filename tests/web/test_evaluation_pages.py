"""The page of an evaluation: held-out text by domain with its sums, intervals and what was trained on."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from chimera.projects.access import Actor
from eval_app.core.held_out_scores import DomainResult, HeldOutResult
from eval_app.models import EvalReport
from tests.conftest import signed_in
from tests.factories import make_sequences
from tests.web.evaluation_factory import make_checkpoint_row

pytestmark = pytest.mark.django_db


def make_held_out_report(actor: Actor, *, kept: bool = True) -> EvalReport:
    """A report over two domains; `kept` False: of before sums were kept."""
    result = HeldOutResult(
        domains=[
            DomainResult(
                domain="code", windows=70, documents=12, nll=17_500.0, tokens=8_493, words=2_841, n_bytes=23_933,
                low=0.981, high=1.129, seen=3, unseen_bits_per_byte=1.2345,
            ),
            DomainResult(domain="web", windows=1, documents=1, nll=9_000.0, tokens=4_000, words=2_000, n_bytes=12_000),
        ]
    )  # fmt: skip
    scores = {f"held_out/{each.domain}": each.bits_per_byte for each in result.domains}
    manifest = {"unigram": {"code": 3.1, "web": 2.9}, "missing": {}}
    if kept:
        manifest["held_out"] = result.as_json() | {"cut": {"windows": "rolling", "tokens": 127, "context": 32}}
    return EvalReport.objects.create(
        project=actor.project, name="scores", version=1 + kept, digest=f"{int(kept)}" * 64, manifest=manifest,
        checkpoint=make_checkpoint_row(actor), sequence_set=make_sequences(actor),
        scores=scores | {"held_out/macro": result.macro("bits_per_byte")},
    )  # fmt: skip


def shown(client: Client, report: EvalReport) -> str:
    response = client.get(reverse("evaluation-detail", args=[report.pk]))
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_every_domain_has_its_scores_sums_and_interval(editor: Actor) -> None:
    page = shown(signed_in(editor), make_held_out_report(editor))
    for said in ("1.0549", "0.981 to 1.129", "7.850", "8493", "2841", "Mean over domains", "All text"):
        assert said in page, said
    assert "trained on 3 of the 12 documents" in page and "1.2345 bits per byte" in page
    assert "127 tokens at once, at least 32 before each" in page


def test_a_report_of_before_sums_were_kept_shows_its_bits_per_byte(editor: Actor) -> None:
    page = shown(signed_in(editor), make_held_out_report(editor, kept=False))
    assert "1.0549" in page and "evaluate again" in page and "All text" not in page

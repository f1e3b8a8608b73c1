"""Procedural strings in the browser: read a few, make a version, put it together with text."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client
from django.urls import reverse

from chimera.jobs import runner, services
from curriculum_app.models import DatasetVersion
from curriculum_app.selectors.next_steps import next_steps
from tests.factories import make_dataset, make_documents


def test_strings_can_be_read_at_any_difficulty_before_they_are_made(editor_client: Client) -> None:
    page = reverse("procedural")
    assert "Balanced brackets" in editor_client.get(page).content.decode()
    easy = editor_client.get(page, {"generator": "dyck", "types": "1", "length": "4", "depth": "1"})
    assert "( ) ( )" in easy.content.decode() and "4 symbols" in easy.content.decode()
    wrong = editor_client.get(page, {"generator": "dyck", "types": "1", "length": "5", "depth": "1"})
    assert wrong.status_code == 422 and "must be even" in wrong.content.decode()
    assert editor_client.get(page, {"generator": "poetry"}).status_code == 404


def test_a_viewer_reads_strings_and_makes_none(viewer_client: Client) -> None:
    page = viewer_client.get(reverse("procedural"))
    assert page.status_code == 200 and reverse("job-new", args=["procedural"]) not in page.content.decode()


def test_a_version_of_strings_offers_to_be_put_together_with_text(editor: Any, editor_client: Client) -> None:
    text = make_dataset(editor, "text", stage="curated", documents=make_documents(6))
    choice = {"key": "sort", "config": {"length": 4}}
    begun = editor_client.get(
        reverse("job-new", args=["procedural"]), {"config": json.dumps({"generators": [choice]})}
    ).content.decode()
    assert "Sorting" in begun
    job, _ = services.start(editor, "procedural", {"name": "sorted", "generators": [choice], "documents": 8})
    assert runner.run_job(job.pk)
    version = DatasetVersion.objects.get(stage="generated")
    assert (
        version.documents == 8
        and "generated" in editor_client.get(f"{reverse('data')}?stage=generated").content.decode()
    )
    (step,) = next_steps(version, [], uncounted=False)
    assert editor_client.get(step.url).context["form"]["exact_duplicates"].value() == "off"
    nothing = {"recipes": {"*": []}, "exact_duplicates": "off", "near_duplicates": {"enabled": False}}
    both = {"name": "both", "datasets": [text.uid, version.uid], "final_filters": [], "workers": 1, **nothing}
    job, _ = services.start(editor, "curate", both)
    assert runner.run_job(job.pk)
    together = DatasetVersion.objects.get(name="both")
    assert together.documents == 14 and set(together.parents.all()) == {text, version}

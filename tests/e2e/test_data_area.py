"""Every page of the data area in a browser: fits a phone, raises nothing, and axe finds nothing against it."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse

from chimera.projects.access import Actor
from curriculum_app.core.dataset_version import QuarantinedRecord
from curriculum_app.models import DatasetVersion
from curriculum_app.services.themes import presets_add
from tests import factories
from tests.e2e.conftest import Visit
from tests.e2e.test_pages import too_wide

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

OF_A_VERSION = ("detail", "documents", "dropped", "duplicates", "tokens", "columns", "clusters", "rules", "delete")
OF_THE_AREA = ("data", "dataset-upload", "lineage", "benchmarks", "mixtures", "themes", "theme-add")
KINDS = ("curate", "measure", "cluster", "group", "count-tokens", "train-classifier", "subset", "register-benchmark")


def make_versions(actor: Actor) -> tuple[DatasetVersion, DatasetVersion]:
    """A raw version with a quarantine, and a curated one with dropped documents and sequences."""
    bad = [QuarantinedRecord("a-rather-long-name-of-a-file-of-records.jsonl", 17, "not JSON", '{"text": "cut o')]
    raw = factories.make_dataset(actor, "Documentation pages of several projects", quarantined=bad)
    documents = factories.make_documents(30)
    dropped = factories.make_dropped(factories.make_documents(8, start=100), kept=documents[0])
    clean = factories.make_dataset(
        actor, "Clean corpus", stage="curated", documents=documents, dropped=dropped, parents=[raw]
    )
    factories.make_sequences(actor, clean)
    return raw, clean


def pages(actor: Actor) -> dict[str, str]:
    """Name → path of every page, with content where rows alone can give it."""
    raw, clean = make_versions(actor)
    presets_add(actor)
    sample = factories.make_rule_sample(actor, raw)
    return {
        **{name: reverse(name) for name in OF_THE_AREA},
        **{f"clean {name}": reverse(f"dataset-{name}", args=[clean.pk]) for name in OF_A_VERSION},
        **{f"raw {name}": reverse(f"dataset-{name}", args=[raw.pk]) for name in ("detail", "quarantine", "rules")},
        "passport": f"{reverse('dataset-document', args=[clean.pk])}?id=doc-0",
        "difference": f"{reverse('dataset-difference', args=[raw.pk])}?other={clean.pk}",
        "workbench": reverse("rule-sample-detail", args=[sample.pk]),
        "theme": reverse("theme-detail", args=["edu"]),
        "label": reverse("theme-label", args=["edu"]),
        "mixture": f"{reverse('mixture-new')}?template=blueprint",
        **{f"job {kind}": reverse("job-new", args=[kind]) for kind in KINDS},
    }


def test_pages_fit_a_phone_and_axe_finds_nothing(visit: Visit) -> None:
    actor = factories.make_actor()
    paths = pages(actor)
    visit.sign_in(actor)
    assert too_wide(visit, paths, 390) == {}
    visit.page.set_viewport_size({"width": 1440, "height": 900})
    found = {name: violations(visit, path) for name, path in paths.items()}
    assert {name: ids for name, ids in found.items() if ids} == {}


def violations(visit: Visit, path: str) -> list[str]:
    """What axe holds against a page, and a second primary action where there is one."""
    page = visit.open(path)
    page.wait_for_load_state("networkidle")
    ids = [item["id"] for item in Axe().run(page).response["violations"]]
    return [*ids, "primary actions"] if page.locator(".btn-primary:visible").count() > 1 else ids

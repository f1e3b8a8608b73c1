"""Lists of references that mean everything when they are left out, at every door."""

from __future__ import annotations

import pytest

from chimera.jobs.validation import validate
from chimera.projects.models import Project
from curriculum_app.models import Benchmark, DatasetVersion

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return Project.objects.create(slug="p", name="P")


def row(project: Project, name: str, version: int) -> str:
    return Benchmark.objects.create(project=project, name=name, version=version, digest=f"{name}{version}").uid


def test_a_list_that_is_left_out_names_the_newest_version_of_each_and_an_empty_one_stays_empty(
    project: Project,
) -> None:
    dataset = DatasetVersion.objects.create(project=project, name="d", version=1, digest="d").uid
    row(project, "old", 1)
    wanted = [row(project, "exam", 1), row(project, "old", 2)]
    row(Project.objects.create(slug="q", name="Q"), "foreign", 1)
    raw = {"name": "c", "datasets": [dataset], "recipes": {}}
    filled = validate("curate", raw, project).as_json()
    assert filled["decontamination"]["benchmarks"] == wanted
    assert validate("curate", filled, project).as_json() == filled
    some = validate("curate", raw | {"decontamination": {"n": 8}}, project).as_json()["decontamination"]
    assert (some["n"], some["benchmarks"]) == (8, wanted)
    none = validate("curate", raw | {"decontamination": {"benchmarks": []}}, project).as_json()
    assert none["decontamination"]["benchmarks"] == []
    assert validate("starter", {}, project).as_json()["benchmarks"] == wanted

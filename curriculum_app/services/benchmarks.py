"""Rows of benchmarks: of the job that registers one, and of those that ship with the starter project."""

from __future__ import annotations

from django.conf import settings

from chimera.artefacts import ArtefactStore, Stored
from chimera.jobs.adoption import adopt_artefact
from chimera.jobs.kinds import Adopted
from chimera.jobs.models import Job
from chimera.projects.models import Project
from curriculum_app.core.configs_benchmarks import BenchmarkConfig
from curriculum_app.core.jobs.register_benchmark import BenchmarkResult, register
from curriculum_app.models import Benchmark
from curriculum_app.starter.benchmarks import BUNDLED


def adopt_benchmark(job: Job, result: BenchmarkResult) -> Adopted:
    manifest = result.stored.manifest
    row = adopt_artefact(Benchmark, job, result.stored, manifest["name"], items=manifest["counts"]["items"])
    return Adopted({"benchmark": row.uid}, {"items": row.items, "left_out": len(manifest["left_out"])})


def load_bundled(project: Project) -> None:
    """Register the bundled benchmarks that the project has not; what a user has registered stays as it is."""
    store = ArtefactStore(settings.DATA_DIR / "artefacts")
    have = {row.name: row for row in Benchmark.objects.filter(project=project, version=1)}
    for config in BUNDLED:
        row = have.get(config.name)
        if row is None:
            _insert(project, config, register(config, store))
        elif not store.has(Benchmark.ref_kind, row.digest):
            register(config, store)


def _insert(project: Project, config: BenchmarkConfig, stored: Stored) -> None:
    Benchmark.objects.get_or_create(
        project=project,
        digest=stored.digest,
        defaults={
            "name": config.name,
            "version": 1,
            "bytes": stored.bytes,
            "manifest": {key: value for key, value in stored.manifest.items() if key != "digest"},
            "items": stored.manifest["counts"]["items"],
        },
    )

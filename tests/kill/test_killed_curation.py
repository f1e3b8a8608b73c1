"""A worker that is killed in the middle of a curation: the next one goes on and gives the identical version."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from chimera.context import LocalContext
from chimera.jobs import services
from chimera.jobs.context import scratch_of
from chimera.jobs.models import Job, State
from chimera.launch.processes import Family
from curriculum_app.core import dataset_version as core
from curriculum_app.core.configs import CurateConfig
from curriculum_app.core.documents import Document
from curriculum_app.core.jobs import curate
from curriculum_app.models import DatasetVersion
from tests import factories
from tests.kill.real_runs import FAULTY
from tests.processes import eventually, start_worker

pytestmark = [pytest.mark.kill, pytest.mark.timeout(150), pytest.mark.django_db(transaction=True)]
SENTENCE = "Ship {0} of the line waited for the tide, and the master of the harbour wrote {0} letters to the owner. "


def test_a_killed_curation_goes_on_at_unfinished_shards_and_gives_the_identical_version(
    family: Family, tmp_path: Path
) -> None:
    actor = factories.make_actor()
    texts = ["No." if number % 7 == 0 else SENTENCE.format(number) * 5 for number in range(1100)]
    documents = [Document(f"d{number}", text, "prose") for number, text in enumerate(texts)]
    raw = factories.make_dataset(actor, documents=documents)
    config = {"name": "clean", "datasets": [raw.uid], "recipes": {"*": [{"key": "min_length"}]}, "workers": 1}
    job, _ = services.start(actor, "curate", config)
    Job.objects.filter(pk=job.pk).update(max_attempts=9)
    mark = tmp_path / "killed-in-rename"
    fault = {"CHIMERA_TEST_KILL_AT_RENAME": "3", "CHIMERA_TEST_KILLED": str(mark)}

    worker = start_worker(family, tmp_path / "1.log", module=FAULTY, **fault)
    eventually(mark.exists, worker=worker)
    done = {path: path.stat().st_mtime_ns for path in scratch_of(job).glob("curate-*/shard-*")}
    assert len(done) == 2 and Path(mark.read_text()).name == "shard-000002"
    eventually(lambda: ended(job), worker=worker)

    assert job.state == State.SUCCEEDED, job.error_text
    assert job.attempt >= 2
    assert DatasetVersion.objects.get(name="clean").digest == uninterrupted(
        CurateConfig.model_validate(config), raw, tmp_path
    )


def ended(job: Job) -> Job | None:
    job.refresh_from_db()
    return job if job.finished else None


def uninterrupted(config: CurateConfig, raw: DatasetVersion, tmp_path: Path) -> str:
    """The digest that the same curation gives in this process, in a store of its own."""
    stored = factories.store().load("dataset", raw.digest)
    ctx = LocalContext(tmp_path / "reference", artefacts={str(config.datasets[0]): core.DatasetVersion.open(stored)})
    assert ctx.store.root != settings.DATA_DIR / "artefacts"
    return curate.run(config, ctx).stored.digest

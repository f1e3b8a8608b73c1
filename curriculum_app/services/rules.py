"""The recipe workbench: the row of a rule sample, and where a browser goes to see one."""

from __future__ import annotations

from django.urls import reverse

from chimera.jobs.adoption import adopt_artefact
from chimera.jobs.kinds import Adopted
from chimera.jobs.models import Job
from curriculum_app.core.configs_rules import SampleRulesConfig
from curriculum_app.core.jobs.sample_rules import RuleSampleResult
from curriculum_app.models import RuleSample


def adopt_rule_sample(job: Job, result: RuleSampleResult) -> Adopted:
    config = SampleRulesConfig.model_validate(job.config)
    documents = result.stored.manifest["documents"]
    row = adopt_artefact(RuleSample, job, result.stored, config.name, documents=documents)
    row.datasets.set([ref.number for ref in config.datasets])
    return Adopted({"rule-sample": row.uid}, {"documents": documents})


def workbench_page(job: Job) -> str:
    """The workbench over the sample, or, while that is made, the page that shows its progress."""
    made = job.artifacts.get("rule-sample")
    if made:
        return reverse("rule-sample-detail", args=[int(made.rpartition("-")[2])])
    datasets = SampleRulesConfig.model_validate(job.config).datasets
    return f"{reverse('dataset-rules', args=[datasets[0].number])}?job={job.pk}"

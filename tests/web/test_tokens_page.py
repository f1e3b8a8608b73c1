"""Tokens of a version: none yet, then counted by the job."""

from dataclasses import replace

import pytest
from django.urls import reverse

from chimera.jobs import runner, services
from curriculum_app.models import DatasetVersion
from curriculum_app.selectors.funnel import DomainFunnel, Stage
from curriculum_app.selectors.funnel_tokens import stage_tokens
from curriculum_app.selectors.tokens import DomainTokens, Lost, tokens_of
from tests.factories import make_dataset, make_documents, make_sequences


def test_the_tab_says_the_next_step_and_then_shows_raw_and_kept(editor, editor_client):
    raw = make_dataset(editor, "raw", documents=make_documents(6))
    version = make_dataset(editor, "clean", stage="curated", documents=make_documents(4), parents=[raw])
    page = reverse("dataset-tokens", args=[version.pk])
    assert "No tokenizer yet" in editor_client.get(page).content.decode()
    sequences = make_sequences(editor, raw)
    assert f"?dataset={version.uid}" in editor_client.get(page).content.decode()
    job, _ = services.start(editor, "count-tokens", {"dataset": version.uid})
    assert job.config["tokenizers"] == [sequences.uid]
    assert runner.run_job(job.pk)
    (table,) = tokens_of(version)
    assert [item.domain for item in table.domains] == ["code", "prose"]
    assert table.raw is not None and 0 < table.kept < table.raw
    assert all(item.cut == item.raw - item.kept for item in table.domains)
    shown = editor_client.get(page).content.decode()
    assert "From raw to kept" in shown and sequences.label in shown and "made-up" in shown


def funnel(*changed: int) -> DomainFunnel:
    return DomainFunnel("web", [Stage(f"s{n}", 9, 8, 90, 80, count, [], 1, 1) for n, count in enumerate(changed)])


COUNTED = DomainTokens("web", 100, 40, 0, [Lost("s0", 1, 10), Lost("s2", 1, 5)], [])


@pytest.mark.parametrize(
    ("changed", "counted", "expected"),
    [
        ((0, 3, 0), COUNTED, [(100, 10, 0, 90), (90, 0, 45, 45), (45, 5, 0, 40)]),
        ((0, 3, 2), COUNTED, [(100, 10, 0, 90), (90, 0, None, None), (None, 5, None, 40)]),
        ((0, 3, 0), replace(COUNTED, raw=None), [(None, 10, 0, None), (None, 0, None, 45), (45, 5, 0, 40)]),
        ((0, 0, 0), replace(COUNTED, raw=55), [(55, 10, 0, 45), (45, 0, 0, 45), (45, 5, 0, 40)]),
    ],
)
def test_tokens_in_and_out_are_told_as_far_as_they_are_known(changed, counted, expected):
    found = stage_tokens(funnel(*changed), counted)
    assert [(item.came, item.dropped, item.cut, item.left) for item in found] == expected


def test_the_funnel_of_a_counted_version_unfolds_its_tokens(editor, editor_client, viewer_client):
    raw = make_dataset(editor, "raw", documents=make_documents(12))
    make_sequences(editor, raw)
    recipe = {"code": [{"key": "length", "config": {"min_chars": 1}}], "prose": []}
    config = {"name": "clean", "datasets": [raw.uid], "recipes": recipe, "workers": 1}
    job, _ = services.start(editor, "curate", config)
    assert runner.run_job(job.pk)
    version = DatasetVersion.objects.get(stage="curated")
    page = reverse("dataset-detail", args=[version.pk])
    form = f"{reverse('job-new', args=['count-tokens'])}?dataset={version.uid}"
    assert form in editor_client.get(page).content.decode() and form not in viewer_client.get(page).content.decode()
    job, _ = services.start(editor, "count-tokens", {"dataset": version.uid})
    assert runner.run_job(job.pk)
    found = viewer_client.get(page)
    (counted,) = tokens_of(version)
    for each, stages in found.context["funnels"]:
        item = counted.by_domain[each.domain]
        assert [stage.name for stage in stages] == [stage.name for stage in each.stages]
        assert (stages[0].came, stages[-1].left) == (item.raw, item.kept)
    assert "Tokens of code, stage by stage" in found.content.decode() and form not in found.content.decode()

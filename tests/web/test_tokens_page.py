"""Tokens of a version: none yet, then counted by the job."""

from django.urls import reverse

from chimera.jobs import runner, services
from curriculum_app.selectors.tokens import tokens_of
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

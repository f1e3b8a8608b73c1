"""The mixture ledger in the browser: templates, live result, versions."""

import pytest
from django.urls import reverse

from chimera.jobs import runner, services
from curriculum_app.models import MixturePlan
from tests.factories import make_dataset, make_documents, make_sequences

NEW = "mixture-new"


def form(*rows: tuple[str, str, list[str]], **said: str) -> dict[str, object]:
    data: dict[str, object] = {"name": "Mine", "budget": "1 000", "tokenizer": "", **said}
    for number, (name, share, fills) in enumerate(rows):
        data |= {f"row-{number}-name": name, f"row-{number}-share": share, f"row-{number}-fill": fills}
    return data


@pytest.fixture
def counted(editor):
    """A curated version of two domains with its sequence set, counted."""
    version = make_dataset(editor, "clean", stage="curated", documents=make_documents(6))
    sequences = make_sequences(editor, version)
    job, _ = services.start(editor, "count-tokens", {"dataset": version.uid})
    assert runner.run_job(job.pk)
    return version, sequences


def test_the_page_starts_from_a_template_and_says_what_is_missing(editor_client):
    assert "SlimPajama DC-6" in editor_client.get(reverse("mixtures")).content.decode()
    page = editor_client.get(reverse(NEW), {"template": "blueprint"}).content.decode()
    assert 'value="Web, interleaved"' in page and "70.0 %" in page and "nothing fills it yet" in page
    assert "not counted" in page and editor_client.get(reverse(NEW), {"template": "x"}).status_code == 404


def test_the_ledger_follows_the_form_with_the_counts_of_the_data(editor_client, counted):
    version, sequences = counted
    rows = [("prose", "0.6", [f"{version.uid}|prose"]), ("code", "40 %", [f"{version.uid}|code"])]
    answer = editor_client.post(reverse("mixture-ledger"), form(*rows, budget="10,000", tokenizer=sequences.uid))
    shown = answer.content.decode()
    assert answer.status_code == 200 and "<html" not in shown
    assert "6000" in shown and "Largest budget" in shown and "bound by" in shown
    assert "over 4 epochs" in shown and "tokens before and after each stage" in shown
    small = editor_client.post(reverse("mixture-ledger"), form(*rows, budget="10")).content.decode()
    assert "all new" in small and "over 4 epochs" not in small, "without a wish the newest tokenizer counts"


def test_shares_that_do_not_add_up_show_their_sum_and_are_not_saved(editor_client):
    rows = [("a", "0.5", []), ("b", "0.4", [])]
    shown = editor_client.post(reverse("mixture-ledger"), form(*rows)).content.decode()
    assert "the shares add up to 0.9, not to 1" in shown
    answer = editor_client.post(reverse(NEW), form(*rows, action="save"))
    assert answer.status_code == 422 and "0.9" in answer.content.decode()
    assert not MixturePlan.objects.exists()


@pytest.mark.parametrize(
    ("rows", "said", "message"),
    [
        ([("", "1", [])], {}, "has no name"),
        ([("a", "x", [])], {}, "no share"),
        ([("a", "1", [])], {"budget": "many"}, "no number of tokens"),
        ([("a", "1", [])], {"name": " "}, "needs a name"),
        ([], {}, "no rows"),
    ],
)
def test_what_cannot_be_meant_is_told(editor_client, rows, said, message):
    answer = editor_client.post(reverse(NEW), form(*rows, **said, action="save"))
    assert answer.status_code == 422 and message in answer.content.decode()


def test_versions_are_saved_and_their_differences_are_small(editor_client, editor):
    first = editor_client.post(reverse(NEW), form(("a", "50 %", []), ("b", "0.5", []), action="save"), follow=True)
    plan = MixturePlan.objects.get()
    assert first.redirect_chain[-1][0] == reverse("mixture-detail", args=[plan.pk])
    same = form(("a", "0.50", []), ("b", "50 %", []), action="save")
    editor_client.post(reverse("mixture-detail", args=[plan.pk]), same)
    rows = [("a", "0.7", ["dataset-9|x"]), ("c", "0.3", []), ("", "", [])]
    editor_client.post(reverse("mixture-detail", args=[plan.pk]), form(*rows, budget="2000", action="save"))
    newest = MixturePlan.objects.filter(project=editor.project).latest("pk")
    shown = editor_client.get(reverse("mixture-detail", args=[newest.pk])).content.decode()
    for part in ("c added at 30 %", "b removed", "a: 50 % → 70 %", "a: filled by dataset-9|x", "budget 1,000 → 2,000"):
        assert part in shown
    assert newest.version == 2, "0.50 and 50 % are one share"
    assert "Mine:v2" in editor_client.get(reverse("mixtures")).content.decode()


def test_without_javascript_a_button_computes_and_gives_more_rows(editor_client):
    full = form(("a", "1", []), ("", "", []), action="compute")
    page = editor_client.post(reverse(NEW), full).content.decode()
    assert "Ledger" in page and 'name="row-2-name"' in page and not MixturePlan.objects.exists()


def test_a_viewer_may_look_and_compute_but_not_save(viewer_client):
    page = viewer_client.get(reverse(NEW), {"template": "dc6"}).content.decode()
    assert 'value="save"' not in page
    assert viewer_client.post(reverse(NEW), form(("a", "1", []), action="save")).status_code == 403

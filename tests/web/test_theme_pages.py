"""Themes in the browser: answers about texts, training, the threshold, the frozen subset."""

import pytest
from django.urls import reverse

from chimera.jobs import bell, dispatch, runner
from curriculum_app.core.documents import Document
from curriculum_app.models import Classifier, DatasetVersion, Label, LabelSet, Theme
from curriculum_app.services import themes as services
from tests.conftest import signed_in
from tests.core.curriculum.test_themes import texts
from tests.factories import make_dataset

DOCUMENTS = [Document(f"{kind}-{n}", text, "web") for kind in ("yes", "no") for n, text in enumerate(texts(kind, 40))]


@pytest.fixture
def theme(editor):
    services.presets_add(editor)
    return Theme.objects.get(slug="edu")


@pytest.fixture
def dataset(editor):
    return make_dataset(editor, "pages", documents=DOCUMENTS)


@pytest.fixture
def classifier(editor, theme, dataset, monkeypatch):
    """Trained by a job on 60 labels."""
    monkeypatch.setattr(dispatch, "send", lambda queue: None)
    monkeypatch.setattr(bell, "ring", lambda group, payload: None)
    for document in DOCUMENTS[:30] + DOCUMENTS[40:70]:
        services.label_put(editor, theme, dataset, document, document.id.startswith("yes"))
    job = services.classifier_train(editor, theme, dataset, {})
    assert runner.run_next("cpu")
    job.refresh_from_db()
    assert job.state == "succeeded", job.problems or job.error_text
    return Classifier.objects.get()


def answer(client, theme, dataset, said, number=None, **how):
    data = {"dataset": dataset.pk, "answer": said} | ({} if number is None else {"number": number})
    return client.post(reverse("theme-answer", args=[theme.slug]), data, **how)


def test_the_blueprints_themes_are_offered_once(editor_client, project):
    assert "No themes yet" in editor_client.get(reverse("themes")).content.decode()
    for _ in range(2):
        editor_client.post(reverse("theme-presets"))
    assert list(Theme.objects.values_list("slug", flat=True)) == ["code-pro", "edu", "safe"]


def test_a_theme_of_ones_own_needs_a_name_and_a_question(editor_client, project):
    page = editor_client.post(reverse("theme-add"), {"name": "Poems", "question": "Is it a poem?"}, follow=True)
    assert "Is it a poem?" in page.content.decode()
    page = editor_client.post(reverse("theme-add"), {"name": "poems!", "question": "?"}).content.decode()
    assert "there is a theme" in page and Theme.objects.count() == 1


def test_each_answer_shows_the_next_text_and_undo_asks_again(editor_client, theme, dataset):
    page = editor_client.get(reverse("theme-label", args=["edu"]), {"dataset": dataset.pk})
    number = page.context["number"]
    after = answer(editor_client, theme, dataset, "yes", number, follow=True)
    assert after.context["number"] != number and after.context["tally"].yes == 1
    label = Label.objects.get()
    assert (label.document_id, label.value, label.annotator) == (DOCUMENTS[number].id, True, "edgar")
    again = answer(editor_client, theme, dataset, "undo", follow=True)
    assert again.context["number"] == number and not Label.objects.exists()
    skipped = answer(editor_client, theme, dataset, "skip", number, HTTP_HX_REQUEST="true")
    assert skipped.context["number"] != number and not Label.objects.exists()


def test_labelling_goes_on_until_nothing_is_left(editor_client, theme, editor):
    small = make_dataset(editor, "small", documents=DOCUMENTS[:3])
    page = editor_client.get(reverse("theme-label", args=["edu"]), {"dataset": small.pk})
    for _ in range(3):
        page = answer(editor_client, theme, small, "no", page.context["number"], follow=True)
    assert page.context["document"] is None and "All of these are answered" in page.content.decode()
    assert Label.objects.count() == 3


def test_texts_that_hold_a_phrase_come_first(editor_client, theme, dataset):
    page = editor_client.get(reverse("theme-label", args=["edu"]), {"dataset": dataset.pk, "phrase": "LOGIN cart"})
    assert page.context["document"].id == "no-0" and "LOGIN cart" in page.content.decode()


def test_a_trained_classifier_proposes_and_shows_its_threshold(editor_client, theme, dataset, classifier):
    label_set = LabelSet.objects.get()
    assert (label_set.positive, label_set.negative, classifier.labels) == (30, 30, label_set)
    page = editor_client.get(reverse("theme-label", args=["edu"]), {"dataset": dataset.pk})
    assert page.context["why"] == "unsure"
    page = editor_client.get(reverse("classifier-detail", args=[classifier.pk])).content.decode()
    assert "Where to cut" in page and "Just dropped" not in page
    data = editor_client.get(reverse("classifier-thresholds", args=[classifier.pk])).json()
    assert data["rows"][0]["documents"] == 80 and data["rows"][-1]["documents"] == 0
    around = editor_client.get(reverse("classifier-around", args=[classifier.pk]), {"threshold": 0.5})
    assert around.context["domains"] == [("web", 80, data["rows"][100]["documents"], data["rows"][100]["bytes"])]
    kept, dropped = (around.context["sides"][side] for side in ("kept", "dropped"))
    assert min(score for score, _ in kept) >= 0.5 > max(score for score, _ in dropped)
    curve = editor_client.get(reverse("theme-learning-curve", args=["edu"])).json()
    assert curve["table"]["rows"][0][0] + classifier.manifest["measured"]["n"] == 60


def test_freezing_makes_a_version_with_its_lineage(editor_client, classifier, dataset):
    send = {"name": "edu", "threshold": "0.5"}
    editor_client.post(reverse("classifier-freeze", args=[classifier.pk]), send)
    assert runner.run_next("cpu")
    made = DatasetVersion.objects.get(stage="subset")
    assert list(made.parents.all()) == [dataset] and 0 < made.documents < 80
    page = editor_client.get(reverse("dataset-detail", args=[made.pk]))
    assert page.status_code == 200 and "subset" in page.content.decode()


def test_too_few_labels_are_explained_by_the_job(editor_client, theme, dataset, monkeypatch):
    monkeypatch.setattr(dispatch, "send", lambda queue: None)
    monkeypatch.setattr(bell, "ring", lambda group, payload: None)
    send = {"dataset": dataset.pk, "encoder": "tfidf_svd", "target_precision": "0.8"}
    page = editor_client.post(reverse("theme-train", args=["edu"]), send)
    assert page.status_code == 302
    runner.run_next("cpu")
    assert "0 texts are labelled yes" in editor_client.get(page.url).content.decode()


def test_viewers_look_and_do_not_touch(viewer_client, viewer, classifier, theme, dataset):
    for name, args in (("themes", []), ("theme-detail", ["edu"]), ("classifier-detail", [classifier.pk])):
        assert viewer_client.get(reverse(name, args=args)).status_code == 200
    assert viewer_client.get(reverse("theme-label", args=["edu"])).status_code == 403
    assert answer(viewer_client, theme, dataset, "yes", 0).status_code == 403
    assert viewer_client.post(reverse("theme-train", args=["edu"]), {"dataset": dataset.pk}).status_code in (403, 422)
    send = {"name": "edu", "threshold": "0.5"}
    assert viewer_client.post(reverse("classifier-freeze", args=[classifier.pk]), send).status_code == 403


def test_other_projects_see_nothing(stranger, classifier):
    client = signed_in(stranger)
    pages = [reverse("theme-detail", args=["edu"]), reverse("theme-label", args=["edu"])]
    pages += [reverse(f"classifier-{name}", args=[classifier.pk]) for name in ("detail", "thresholds", "around")]
    assert {client.get(page).status_code for page in pages} == {404}

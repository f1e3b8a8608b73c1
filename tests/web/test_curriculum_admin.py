"""The admin of the lowest app opens, lists and does not edit."""

import pytest
from django.urls import reverse

from curriculum_app import models
from curriculum_app.services.tags import tag_put
from curriculum_app.services.taxonomy import node_add
from tests.factories import make_schedule, make_user

MODELS = [
    models.DatasetVersion,
    models.DatasetTag,
    models.DatasetTagMove,
    models.SequenceSet,
    models.Curriculum,
    models.Schedule,
    models.TaxonomyNode,
    models.TaxonomyChange,
]


@pytest.fixture
def admin_page(client, editor):
    tag_put(editor, make_schedule(editor).sequence_set.dataset, "best")
    node_add(editor, kind="safety", name="Harm")
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client


def name(model, page):
    return f"admin:curriculum_app_{model._meta.model_name}_{page}"


@pytest.mark.parametrize("model", MODELS)
def test_lists_search_and_rows_open(admin_page, model):
    row = model.objects.first()
    listed = admin_page.get(reverse(name(model, "changelist")), {"q": "a"})
    assert listed.status_code == 200
    shown = admin_page.get(reverse(name(model, "change"), args=[row.pk]))
    assert shown.status_code == 200
    assert 'name="_save"' not in shown.content.decode()


@pytest.mark.parametrize("model", MODELS)
def test_nothing_is_added_or_edited_by_hand(admin_page, model):
    assert admin_page.get(reverse(name(model, "add"))).status_code == 403
    row = model.objects.first()
    assert admin_page.post(reverse(name(model, "change"), args=[row.pk]), {"name": "x"}).status_code == 403

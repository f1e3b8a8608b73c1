"""The pages of the taxonomy, used without JavaScript."""

import pytest
from django.urls import reverse

from curriculum_app.models import TaxonomyNode
from curriculum_app.services.taxonomy import node_add
from tests.conftest import signed_in

FIELDS = {"slug": "", "description": "", "weight": "1", "target_count": "0"}


@pytest.fixture
def maths(editor):
    maths = node_add(editor, kind="capability", name="Maths", description="Numbers")
    node_add(editor, kind="capability", parent=maths, name="Algebra")
    return maths


def url(name, node):
    return reverse(f"taxonomy-{name}", args=[node.uuid])


def test_an_empty_taxonomy_offers_the_first_step(editor_client):
    response = editor_client.get(reverse("taxonomy"))
    assert response.status_code == 200
    assert "No node yet" in response.content.decode()


def test_both_trees_are_shown_with_their_history(editor_client, maths):
    text = editor_client.get(reverse("taxonomy")).content.decode()
    assert all(part in text for part in ("Maths", "Algebra", "Safety", "added “Maths / Algebra”"))


def test_a_node_has_a_page_with_its_trail(editor_client, maths):
    algebra = TaxonomyNode.objects.get(name="Algebra")
    text = editor_client.get(url("node", algebra)).content.decode()
    assert url("node", maths) in text
    assert "this is a leaf" in text


def test_a_node_is_added_edited_moved_and_deleted_by_forms(editor_client, maths):
    editor_client.post(f"{reverse('taxonomy-add')}?parent={maths.uuid}", {"name": "Geometry", **FIELDS})
    geometry = TaxonomyNode.objects.get(name="Geometry")
    editor_client.post(url("edit", geometry), {**FIELDS, "name": "Topology", "target_count": "12"})
    geometry.refresh_from_db()
    assert (geometry.name, geometry.slug, geometry.target_count) == ("Topology", "topology", 12)
    editor_client.post(url("move", geometry), {"parent": ""})
    geometry.refresh_from_db()
    assert geometry.depth == 1
    response = editor_client.post(url("delete", maths), follow=True)
    assert "Deleted “Maths” (2 nodes)" in response.content.decode()
    assert list(TaxonomyNode.objects.values_list("name", flat=True)) == ["Topology"]


def test_deletion_asks_and_says_how_much_goes(editor_client, maths):
    text = editor_client.get(url("delete", maths)).content.decode()
    assert "1 node below it goes too" in text
    assert TaxonomyNode.objects.count() == 2


def test_a_duplicate_is_explained_at_its_field_and_changes_nothing(editor_client, maths):
    response = editor_client.post(f"{reverse('taxonomy-add')}?parent={maths.uuid}", {**FIELDS, "name": "Algebra"})
    assert response.status_code == 200
    assert "there is a node &#x27;algebra&#x27; under “Maths” already" in response.content.decode()
    assert TaxonomyNode.objects.count() == 2


def test_a_branch_is_not_offered_as_a_place_for_itself(editor_client, maths):
    form = editor_client.get(url("move", maths)).context["form"]
    assert form.fields["parent"].choices == [("", "top of the tree")]
    response = editor_client.post(url("move", maths), {"parent": str(TaxonomyNode.objects.get(name="Algebra").uuid)})
    assert "Select a valid choice" in response.content.decode()


@pytest.mark.parametrize("name", ["edit", "move", "delete"])
def test_htmx_gets_the_form_as_a_dialog(editor_client, maths, name):
    text = editor_client.get(url(name, maths), headers={"HX-Request": "true"}).content.decode()
    assert text.startswith("<dialog")
    assert f'action="{url(name, maths)}"' in text


def test_viewers_see_the_trees_but_no_forms(viewer_client, maths):
    assert "taxonomy/add" not in viewer_client.get(reverse("taxonomy")).content.decode()
    for name in ("edit", "move", "delete"):
        assert viewer_client.get(url(name, maths)).status_code == 403
        assert viewer_client.post(url(name, maths), {}).status_code == 403


@pytest.mark.parametrize("name", ["node", "edit", "move", "delete"])
def test_a_node_of_another_project_is_not_found(stranger, maths, name):
    assert signed_in(stranger).get(url(name, maths)).status_code == 404


def test_a_parent_that_is_no_id_is_not_found(editor_client):
    assert editor_client.get(f"{reverse('taxonomy-add')}?parent=nonsense").status_code == 404


def test_queries_do_not_grow_with_nodes(editor_client, editor, maths, django_assert_max_num_queries):
    editor_client.get(reverse("taxonomy"))
    for number in range(30):
        node_add(editor, kind="capability", parent=maths, name=f"n{number}")
    with django_assert_max_num_queries(9):
        editor_client.get(reverse("taxonomy"))

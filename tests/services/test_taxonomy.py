"""Edits of the taxonomy."""

import pytest
from django.core.exceptions import PermissionDenied
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chimera.errors import InputError
from chimera.projects.models import Role
from curriculum_app.models import TaxonomyChange, TaxonomyNode
from curriculum_app.selectors import taxonomy as selectors
from curriculum_app.services import taxonomy as services
from tests.factories import make_actor

pytestmark = pytest.mark.django_db


def outline(actor, kind="capability"):
    """The tree as nested tuples of names."""

    def branch(item):
        return (item.node.name, [branch(child) for child in item.children])

    tree = next(tree for tree in selectors.trees(actor) if tree.kind == kind)
    return [branch(item) for item in tree.branches]


def messages(error):
    return [(problem.field, problem.message) for problem in error.value.problems]


@pytest.fixture
def actor():
    return make_actor()


@pytest.fixture
def maths(actor):
    """Maths > (Algebra > Groups, Arithmetic)"""
    maths = services.node_add(actor, kind="capability", name="Maths")
    algebra = services.node_add(actor, kind="capability", parent=maths, name="Algebra")
    services.node_add(actor, kind="capability", parent=algebra, name="Groups")
    services.node_add(actor, kind="capability", parent=maths, name="Arithmetic")
    return maths


def node(name):
    return TaxonomyNode.objects.get(name=name)


def test_nodes_form_a_tree_sorted_by_name(actor, maths):
    assert outline(actor) == [("Maths", [("Algebra", [("Groups", [])]), ("Arithmetic", [])])]


def test_renaming_keeps_the_id_and_sorts_anew(actor, maths):
    before = node("Algebra").uuid
    services.node_edit(actor, node("Algebra"), name="Zeta functions", slug="")
    assert node("Zeta functions").uuid == before
    assert node("Zeta functions").slug == "zeta-functions"
    assert outline(actor) == [("Maths", [("Arithmetic", []), ("Zeta functions", [("Groups", [])])])]


def test_moving_takes_the_whole_branch_along(actor, maths):
    services.node_move(actor, node("Algebra"), node("Arithmetic"))
    assert outline(actor) == [("Maths", [("Arithmetic", [("Algebra", [("Groups", [])])])])]
    services.node_move(actor, node("Algebra"), None)
    assert outline(actor) == [("Algebra", [("Groups", [])]), ("Maths", [("Arithmetic", [])])]


def test_a_cycle_is_rejected(actor, maths):
    for target in ("Maths", "Algebra", "Groups"):
        with pytest.raises(InputError) as error:
            services.node_move(actor, maths, node(target))
        assert messages(error) == [("parent", "a node cannot go under itself or a node below it")]


def test_a_slug_is_unique_under_its_parent_only(actor, maths):
    with pytest.raises(InputError) as error:
        services.node_add(actor, kind="capability", parent=maths, name="ALGEBRA")
    assert messages(error) == [("slug", "there is a node 'algebra' under “Maths” already")]
    services.node_add(actor, kind="capability", parent=node("Groups"), name="Algebra")
    with pytest.raises(InputError):
        services.node_move(actor, TaxonomyNode.objects.get(name="Algebra", depth=4), maths)
    with pytest.raises(InputError):
        services.node_edit(actor, node("Arithmetic"), slug="algebra")


def test_the_same_slug_may_stand_at_the_top_of_either_tree_and_in_other_projects(actor, maths):
    services.node_add(actor, kind="safety", name="Maths")
    services.node_add(make_actor(), kind="capability", name="Maths")
    with pytest.raises(InputError):
        services.node_add(actor, kind="capability", name="maths")


def test_a_node_stays_in_its_tree(actor, maths):
    harm = services.node_add(actor, kind="safety", name="Harm")
    with pytest.raises(InputError, match="cannot go into the safety tree"):
        services.node_move(actor, maths, harm)


def test_deleting_says_how_many_went_and_remembers_their_names(actor, maths):
    assert services.node_delete(actor, maths) == 4
    assert outline(actor) == []
    change = TaxonomyChange.objects.filter(action="delete").get()
    assert change.detail == {"path": "Maths", "descendants": ["Algebra", "Groups", "Arithmetic"]}


def test_history_says_who_changed_what(actor, maths):
    services.node_edit(actor, node("Groups"), weight=2.0)
    services.node_edit(actor, node("Groups"), weight=2.0)
    services.node_move(actor, node("Groups"), maths)
    moved, edited, added = selectors.history(actor, node("Groups"))
    assert moved.detail == {"before": "Maths / Algebra / Groups", "path": "Maths / Groups"}
    assert edited.detail["changed"] == {"weight": [1.0, 2.0]}
    assert (added.action, added.actor) == ("add", actor.name)


@pytest.mark.parametrize(
    ("values", "field"),
    [({"name": " "}, "name"), ({"name": "日本"}, "slug"), ({"weight": -1.0}, "weight"), ({"kind": "other"}, "kind")],
)
def test_a_bad_value_is_named(actor, values, field):
    with pytest.raises(InputError) as error:
        services.node_add(actor, **{"kind": "capability", "name": "Good", **values})
    assert messages(error)[0][0] == field
    assert not TaxonomyNode.objects.exists()


def test_viewers_change_nothing(actor, maths):
    viewer = make_actor(Role.VIEWER, actor.project)
    with pytest.raises(PermissionDenied):
        services.node_add(viewer, kind="capability", name="X")
    for edit in (services.node_delete, lambda a, n: services.node_move(a, n, None), services.node_edit):
        with pytest.raises(PermissionDenied):
            edit(viewer, maths)


def test_a_node_of_another_project_is_not_there(maths):
    with pytest.raises(InputError, match="not in the taxonomy any more"):
        services.node_delete(make_actor(), maths)


TREE = [
    {"slug": "maths", "name": "Maths", "kind": "capability", "children": [
        {"slug": "algebra", "name": "Algebra", "kind": "capability", "weight": 2.0, "target_count": 5}]},
    {"slug": "harm", "name": "Harm", "kind": "safety", "description": "What not to do."},
]  # fmt: skip


def test_importing_a_tree_twice_adds_it_once(actor):
    assert services.import_tree(actor, TREE) == 3
    assert services.import_tree(actor, TREE) == 0
    assert outline(actor) == [("Maths", [("Algebra", [])])]
    assert outline(actor, "safety") == [("Harm", [])]
    assert (node("Algebra").weight, node("Algebra").target_count) == (2.0, 5)
    assert TaxonomyChange.objects.get().detail == {"nodes": 3}


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 7), st.integers(-1, 7)), max_size=8))
def test_any_row_of_moves_leaves_every_node_in_the_tree_once(actor, moves):
    TaxonomyNode.objects.all().delete()
    nodes = [services.node_add(actor, kind="capability", name=f"n{number}") for number in range(8)]
    for moved, target in moves:
        try:
            services.node_move(actor, nodes[moved], None if target < 0 else nodes[target])
        except InputError:
            continue
    names = sorted(found.name for branch in selectors.trees(actor)[0].branches for found in branch.walk())
    assert names == [f"n{number}" for number in range(8)]
    assert TaxonomyNode.objects.find_problems() == ([], [], [], [], [])

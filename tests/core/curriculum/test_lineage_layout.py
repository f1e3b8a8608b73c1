"""Layers by longest path, bends in the layers an edge skips, few crossings, no two nodes on one another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curriculum_app.core.lineage_layout import layout


def test_layers_are_longest_paths_and_a_long_edge_bends_round_what_lies_between():
    placed = layout(["a", "b", "c"], [("a", "b"), ("b", "c"), ("a", "c")])
    assert {key: layer for key, (layer, _) in placed.places.items()} == {"a": 0, "b": 1, "c": 2}
    route = placed.routes[2]
    assert [layer for layer, _ in route] == [0, 1, 2]
    assert abs(route[1][1] - placed.places["b"][1]) >= 1
    assert (placed.layers, placed.height) == (3, 2.0)


def test_two_edges_that_would_cross_do_not():
    placed = layout(["a", "b", "x", "y"], [("a", "y"), ("b", "x")])
    down = [placed.places["a"][1] < placed.places["b"][1], placed.places["y"][1] < placed.places["x"][1]]
    assert down[0] == down[1]


def test_nothing_is_an_empty_drawing():
    placed = layout([], [])
    assert (placed.places, placed.routes, placed.layers, placed.height) == ({}, [], 0, 0)


def test_a_circle_is_refused():
    with pytest.raises(ValueError, match="circle"):
        layout(["a", "b"], [("a", "b"), ("b", "a")])


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda pair: pair[0] < pair[1]), max_size=20))
def test_edges_go_forward_and_nodes_keep_their_distance(edges):
    placed = layout(range(10), edges)
    assert all(placed.places[one][0] < placed.places[other][0] for one, other in edges)
    points = {*placed.places.values()}
    for layer, height in points:
        near = [y for at, y in points if at == layer and y != height]
        assert all(abs(y - height) > 0.99 for y in near)
    assert len(points) == 10 and min(height for _, height in points) >= 0
    assert layout(range(10), edges) == placed

"""Which settings differ, and which words."""

from curriculum_app.core.recipe_difference import recipe_difference


def recipe(**params):
    return {"op": "curate", "params": params}


def told(before, after):
    found = recipe_difference(before, after)
    return [(item.where, item.setting, item.before, item.after) for item in found]


def test_a_threshold_and_a_new_stage_are_named_with_their_domain():
    old = [{"key": "min_length", "config": {"min_chars": 200}}, {"key": "c4", "config": {"words": 3}}]
    new = [
        {"key": "language", "config": {"threshold": 0.65}},
        {"key": "min_length", "config": {"min_chars": 100}},
        old[1],
    ]
    assert told(recipe(recipes={"web": old}), recipe(recipes={"web": new})) == [
        ("web", "stages", "min_length → c4", "language → min_length → c4"),
        ("web · min_length", "min_chars", "200", "100"),
    ]


def test_equal_recipes_have_no_difference_and_off_is_a_value():
    near = {"enabled": True, "threshold": 0.8, "deep": {"bands": 16}}
    assert told(recipe(near_duplicates=near), recipe(near_duplicates=dict(near))) == []
    other = near | {"threshold": None, "deep": {"bands": 9}}
    assert told(recipe(near_duplicates=near), recipe(near_duplicates=other)) == [
        ("near duplicates", "threshold", "0.8", "off"),
        ("near duplicates", "deep.bands", "16", "9"),
    ]


def test_an_import_and_a_curation_differ_in_what_they_are():
    assert told({"op": "import", "params": {"domain": "web"}}, recipe())[0] == ("operation", "op", "import", "curate")

"""The skill map, emergence, tags; items and two reports item by item."""

import re
from dataclasses import replace

import pytest
from django.urls import reverse

from curriculum_app.services.taxonomy import node_add
from eval_app.core.evaluation import HELD_OUT_FILE
from eval_app.core.item_results import ITEMS_FILE, read_items, write_items
from eval_app.models import EvalReport, SkillTag
from eval_app.selectors.item_scores import file_of
from eval_app.selectors.skills import SkillMap
from eval_app.services.skills import add_tag
from tests.conftest import signed_in
from tests.web.evaluation_factory import make_report


@pytest.fixture
def tree(editor):
    maths = node_add(editor, kind="capability", name="Maths")
    algebra = node_add(editor, kind="capability", parent=maths, name="Algebra")
    node_add(editor, kind="capability", parent=maths, name="Geometry")
    node_add(editor, kind="capability", name="Code")
    add_tag(editor, algebra.uuid, "task", "algebra")
    return maths, algebra


@pytest.fixture
def reports(editor, tree):
    return make_report(editor, lambda n: n < 20), make_report(editor, lambda n: n >= 4)


def test_the_map_shows_score_interval_chance_change_and_coverage(editor_client, reports):
    before, after = reports
    text = editor_client.get(reverse("skills")).content.decode()
    assert "0.900" in text and "+0.400 *" in text and "1 of 2" in text
    assert "Geometry" in text.partition("Not measured")[2]
    assert f"/evaluations/{after.pk}/items/?node=" in text
    earlier = editor_client.get(reverse("skills"), {"at": before.pk}).content.decode()
    assert "at chance" in earlier and "+0.400" not in earlier


def test_a_score_is_drawn_in_one_way_on_the_map_and_in_the_report(editor_client, reports):
    drawing = re.compile(r'<svg class="whisker.*?</svg>')
    for report, said in zip(reports, ("0.500, 95 % interval 0.352 to 0.648, chance 0.50", "0.900"), strict=True):
        pages = [reverse("evaluation-detail", args=[report.pk]), reverse("skills") + f"?at={report.pk}"]
        drawn = [drawing.search(editor_client.get(page).content.decode())[0] for page in pages]
        assert drawn[0] == drawn[1] and said in drawn[0]
        assert (' class="whisker is-chance"' in drawn[0]) == (report == reports[0])


def test_items_cut_at_the_context_are_counted_in_the_report(editor_client, reports):
    page = reverse("evaluation-detail", args=[reports[0].pk])
    assert "at the context" not in editor_client.get(page).content.decode()
    reports[0].manifest["tasks"][0]["cut"] = {"prompt": 3, "continuation": 1}
    reports[0].save()
    text = editor_client.get(page).content.decode()
    assert "cut at the context: 4" in text and "3 prompts, 1 continuation, scored on the rest" in text


def test_an_item_says_that_it_was_read_or_cut(editor_client, reports):
    path = file_of(reports[0], ITEMS_FILE)
    first, *rest = read_items(path)
    write_items(path, [replace(first, contaminated=True, facts=first.facts | {"cut": "prompt"}), *rest])
    url = reverse("evaluation-items", args=[reports[0].pk])
    listed = editor_client.get(url).content.decode()
    assert listed.count("seen in training data") == listed.count("prompt cut at the context") == 1
    item = editor_client.get(reverse("evaluation-item", args=[reports[0].pk, first.task, first.item])).content.decode()
    assert "seen in the training data" in item and "prompt cut at the context" in item


def test_inner_nodes_count_their_leaves_and_the_lowest_measured_are_ranked(editor, reports, tree):
    found = SkillMap(editor, reports)
    rows = {row.node.name: (row.leaf, row.covered, row.leaves) for row in found.rows}
    assert rows["Maths"] == (False, 1, 2) and rows["Algebra"] == (True, 1, 1)
    assert rows["Geometry"] == rows["Code"] == (True, 0, 1)
    assert [row.node.name for row in found.weakest] == ["Algebra"]
    assert [row.node.name for row in found.untested] == ["Geometry"]


def test_a_held_out_domain_named_as_a_node_counts_there(editor_client, reports):
    text = editor_client.get(reverse("skills")).content.decode()
    assert "2.500" in text.partition(">Code<")[2]


def test_the_heat_map_has_a_row_a_node_and_a_column_a_checkpoint(editor_client, reports):
    figure = editor_client.get(reverse("skill-heat")).json()
    assert [row[0] for row in figure["table"]["rows"]] == ["Maths", "Algebra"]
    assert figure["data"][0]["z"] == [[0.5, 0.9], [0.5, 0.9]]


def test_a_node_of_the_taxonomy_says_what_is_reached_there(editor_client, reports, tree):
    text = editor_client.get(reverse("taxonomy-node", args=[tree[1].uuid])).content.decode()
    assert "What a model reaches here" in text and "0.900" in text and "number 1 of the weakest" in text
    assert "(2 of 3 leaves measured)" in editor_client.get(reverse("taxonomy")).content.decode()


def test_tags_are_added_and_removed_by_editors_only(editor_client, viewer_client, reports, tree):
    add = {"what": "task/algebra", "pattern": "q-1*", "node": str(tree[0].uuid)}
    assert viewer_client.post(reverse("skill-tag-add"), add).status_code == 403
    editor_client.post(reverse("skill-tag-add"), add)
    tag = SkillTag.objects.get(pattern="q-1*")
    assert "q-1*" in editor_client.get(reverse("skill-tags")).content.decode()
    assert viewer_client.post(reverse("skill-tag-remove", args=[tag.pk])).status_code == 403
    editor_client.post(reverse("skill-tag-remove", args=[tag.pk]))
    assert not SkillTag.objects.filter(pk=tag.pk).exists()
    wrong = editor_client.post(reverse("skill-tag-add"), add | {"what": "poem/x"}, follow=True).content.decode()
    assert "cannot be tagged" in wrong


def test_a_report_whose_files_are_on_another_machine_has_no_items(editor, editor_client, reports):
    report = EvalReport.objects.get(pk=reports[0].pk)
    assert file_of(report, ITEMS_FILE).is_file() and file_of(report, HELD_OUT_FILE) is None
    EvalReport.objects.filter(pk=report.pk).update(digest="e" * 64)
    assert file_of(EvalReport.objects.get(pk=report.pk), ITEMS_FILE) is None
    assert editor_client.get(reverse("skills")).status_code == 200


def test_another_project_sees_nothing(reports, stranger):
    client = signed_in(stranger)
    assert "Nothing is measured yet" in client.get(reverse("skills")).content.decode()
    for name in ("evaluation-items", "evaluation-detail"):
        assert client.get(reverse(name, args=[reports[0].pk])).status_code == 404
    assert "Two reports are needed" in client.get(reverse("evaluations-compare")).content.decode()


def test_items_are_found_by_outcome_words_and_node(editor_client, reports, tree):
    url = reverse("evaluation-items", args=[reports[0].pk])
    assert "40 items" in editor_client.get(url).content.decode()
    assert "20 items" in editor_client.get(url, {"fate": "wrong"}).content.decode()
    assert "1 item<" in editor_client.get(url, {"words": "is 39?", "node": str(tree[0].uuid)}).content.decode()
    assert "No item fits" in editor_client.get(url, {"words": "poem"}).content.decode()


def test_an_item_shows_every_option(editor_client, reports):
    url = reverse("evaluation-item", args=[reports[0].pk, "algebra", "q-30"])
    text = editor_client.get(url).content.decode()
    assert "What is 30?" in text and "right answer" in text and "-2.000" in text.replace("−", "-")
    assert editor_client.get(reverse("evaluation-item", args=[reports[0].pk, "algebra", "none"])).status_code == 404


def test_two_reports_are_compared_item_by_item(editor_client, reports):
    before, after = reports
    chosen = {"before": before.pk, "after": after.pk, "turn": "lost"}
    text = editor_client.get(reverse("evaluations-compare"), chosen).content.decode()
    assert "+0.400 <abbr" in text and text.count('class="eval-item"') == 4
    won = editor_client.get(reverse("evaluations-compare"), chosen | {"turn": "won"}).content.decode()
    assert won.count('class="eval-item"') == 20


def test_emergence_says_what_is_missing(editor_client, reports):
    assert "No run yet" in editor_client.get(reverse("skill-emergence")).content.decode()
    assert editor_client.get(reverse("skill-emergence-chart")).json()["alt"] == "Nothing was measured."

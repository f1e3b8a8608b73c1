"""Charts of a report: well-formed SVG whose marks stand where the numbers say."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from eval_app.core.report import svg
from eval_app.core.report.curves import curves_svg, mean_curve
from eval_app.core.report.differences import differences_svg
from eval_app.core.report.document import document

NAMESPACE = "{http://www.w3.org/2000/svg}"


def comparison(arm: str, differences: list[float], word: str = "cannot tell") -> dict:
    mean = sum(differences) / len(differences)
    return {
        "arm": arm,
        "word": word,
        "seeds": [{"seed": seed, "difference": value} for seed, value in enumerate(differences)],
        "interval": {"mean": mean, "low": mean - 0.02, "high": mean + 0.02} if len(differences) > 1 else None,
    }


def elements(text: str, name: str, classes: str) -> list[ET.Element]:
    found = ET.fromstring(text).iter(f"{NAMESPACE}{name}")
    return [item for item in found if classes in item.attrib.get("class", "").split()]


@pytest.mark.parametrize(
    ("lo", "hi", "most", "expected"),
    [
        (0.0, 1.0, 6, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (-0.03, 0.04, 4, [-0.02, 0.0, 0.02, 0.04]),
        (4.13, 4.28, 4, [4.15, 4.2, 4.25]),
    ],
)  # fmt: skip
def test_ticks_are_round_and_inside(lo: float, hi: float, most: int, expected: list[float]) -> None:
    assert svg.linear_ticks(lo, hi, most) == pytest.approx(expected)


def test_a_log_axis_has_ticks_at_one_two_five() -> None:
    assert svg.Scale(9e3, 6e5, 0, 100, log=True).ticks(6) == [10_000, 20_000, 50_000, 100_000, 200_000, 500_000]
    assert svg.Scale(1, 100, 0, 100, log=True)(10) == 50


def test_labels_keep_their_distance_and_their_order() -> None:
    places = svg.spread([50.0, 51.0, 10.0, 99.0], 15, 0, 100)
    assert sorted(places) == [places[2], places[0], places[1], places[3]]
    assert all(b - a >= 15 - 1e-9 for a, b in zip(sorted(places), sorted(places)[1:], strict=False))
    assert max(places) <= 100


def test_words_of_numbers_have_the_decimals_of_their_step() -> None:
    assert svg.number_words(-0.05, 0.05, sign=True) == "−0.05"
    assert svg.number_words(4.25, 0.05) == "4.25" and svg.number_words(200, 100) == "200"


def test_text_of_users_is_escaped_and_titled() -> None:
    drawn = differences_svg([comparison("a<b>&", [0.1, 0.2])], 'base"', "95 %")
    root = ET.fromstring(drawn)
    assert root.find(f"{NAMESPACE}title") is not None and root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"] == "differences-title differences-desc"
    assert 'a<b>&: better than base" at 0 of 2 seeds' in (root.findtext(f"{NAMESPACE}desc") or "")


def test_better_differences_stand_left_of_zero() -> None:
    drawn = differences_svg([comparison("good", [-0.03, -0.02]), comparison("bad", [0.05])], "base", "95 %")
    zero = float(elements(drawn, "line", "zero")[0].attrib["x1"])
    circles = [float(item.attrib["cx"]) for item in elements(drawn, "circle", "seed")]
    assert [at < zero for at in circles] == [True, True, False]
    assert len(elements(drawn, "path", "diamond")) == 1, "one pair has no interval"
    more = differences_svg([comparison("good", [-0.03, -0.02])], "base", "95 %", "higher", "points")
    assert "← worse" in more and "better →" in more and "difference in points" in more and "at 0 of 2 seeds" in more
    assert differences_svg([{"arm": "x", "word": "cannot tell", "seeds": [], "interval": None}], "b", "95 %") == ""


def test_the_mean_stands_only_where_every_seed_was_evaluated() -> None:
    assert mean_curve({1: [(10, 2.0), (20, 1.0)], 2: [(20, 3.0)]}) == [(20, 2.0)] and mean_curve({}) == []


def test_curves_show_every_run_and_name_the_means_at_their_ends() -> None:
    curves = {
        "one": {1: [(10, 3.0), (100, 2.0)], 2: [(10, 3.2), (100, 2.2)]},
        "two": {1: [(10, 2.9), (100, 2.1)]},
    }
    drawn = curves_svg(curves, ["one", "two", "shares the runs of one"], unigram=2.5)
    assert len(elements(drawn, "polyline", "run")) == 3 and len(elements(drawn, "polyline", "mean")) == 2
    names = [item.text for item in elements(drawn, "text", "name")]
    assert names == ["one 2.100", "two 2.100"] and "token frequencies alone" in drawn
    first = elements(drawn, "polyline", "mean")[0].attrib["points"].split()
    assert float(first[0].split(",")[0]) < float(first[1].split(",")[0]), "tokens go to the right"
    assert float(first[0].split(",")[1]) < float(first[1].split(",")[1]), "a falling curve goes down"
    assert curves_svg({}, ["one"]) == ""


def test_runs_evaluated_once_are_dots_over_their_one_place() -> None:
    drawn = curves_svg({"one": {1: [(131072, 2.0)], 2: [(131072, 2.2)]}}, ["one"])
    assert len(elements(drawn, "circle", "run")) == 2 and len(elements(drawn, "circle", "mean")) == 1
    assert svg.tokens_words(131072) in [item.text for item in elements(drawn, "text", "tick")]


def test_a_document_holds_its_styles_and_both_themes() -> None:
    tokens = ':root {\n --ink: #000;\n}\n:root[data-theme="dark"] {\n --ink: #fff;\n}'
    page = document("A <b>", "<main>text</main>", tokens, "p { margin: 0; }")
    assert "<title>A &lt;b&gt;</title>" in page and "--ink: #000" in page and "p { margin: 0; }" in page
    assert re.search(r"@media screen and \(prefers-color-scheme: dark\) { :root {\s*--ink: #fff;", page)

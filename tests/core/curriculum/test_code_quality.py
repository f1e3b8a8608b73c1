"""What is said of source files, with worked numbers."""

import pytest

from curriculum_app.core.code_quality import CodeFacts, complexity, facts_of, lint, score

MODULE = (
    '"""Module doc."""\nimport os\n\ndef add(a: int, b: int) -> int:\n    """Return a+b."""\n    return a + b\n\n'
    'class C:\n    """Doc."""\n    def m(self, x):\n        return x\n\ndef _p():\n    pass\n\n'
    "def test_add():\n    assert add(1, 2) == 3\n"
)


def test_the_worked_module():
    facts = facts_of(MODULE)
    assert facts.documented == pytest.approx(0.6667, abs=1e-4)
    assert facts.annotated == pytest.approx(0.6)
    assert (facts.tests, facts.asserts, facts.most_complex) == (1, 1, 2)
    assert score(facts, findings=0) == 5
    assert score(facts, findings=1) == 4  # more than one finding in 100 lines of 18


def test_complexity_counts_branches_and_operands():
    import ast

    source = "def f(x):\n  if x and x > 1 or x < 0:\n    return [y for y in x if y]\n  return 1 if x else 2\n"
    assert complexity(ast.parse(source).body[0]) == 1 + 1 + 2 + 1 + 1


@pytest.mark.parametrize("source", ["def f(:", "x = \0", "(" * 5000])
def test_what_does_not_parse_has_no_points(source):
    assert facts_of(source) == CodeFacts(parses=False, lines=1)
    assert score(facts_of(source), 0) == 0


def test_a_file_without_definitions_has_no_shares():
    facts = facts_of("x = 1\n")
    assert (facts.documented, facts.annotated) == (None, None)
    assert score(facts, 0) == 2  # no long function, nothing found


def test_ruff_counts_findings_per_file():
    assert lint([MODULE, "x = 1\n", "import os, sys\n", "def f(:"])[:3] == [1, 0, 3]
    assert lint([]) == []


def test_the_measure_gives_points_to_code_and_nothing_to_prose():
    import numpy as np

    from curriculum_app.core.documents import Document
    from curriculum_app.core.measures.base import MEASURES

    documents = [Document("a", MODULE, "code", content="code"), Document("b", "Prose.", "prose")]
    expected = {"score": 4, "parses": 1, "documented": 2 / 3, "annotated": 0.6, "tests": 1, "complexity": 2}
    for attribute, value in {**expected, "findings": 100 / 18}.items():
        found = MEASURES.build("code_quality", {"of": attribute}).values(documents)
        assert found[0] == pytest.approx(value) and np.isnan(found[1])

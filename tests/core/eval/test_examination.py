"""Which items are asked and which stand before them as worked examples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chimera.artefacts import ArtefactStore
from chimera.errors import InputError
from curriculum_app.core.benchmarks import Benchmark, Item, save_benchmark
from eval_app.core.examination import drawn
from eval_app.core.tasks.bundled import bundled_task


def items_of(*texts):
    records = [{"context": text, "continuation": f"so {n}"} for n, text in enumerate(texts)]
    return [Item(f"i-{n}", "jeopardy", (record["context"],), record) for n, record in enumerate(records)]


TEXTS = st.lists(st.sampled_from("abcdefgh"), max_size=40)


@given(TEXTS, st.integers(0, 6), st.none() | st.integers(1, 30), st.integers(0, 5))
def test_no_item_is_its_own_example_nor_one_that_says_the_same(texts, shots, limit, seed):
    items = items_of(*texts)
    asked, examples = drawn(items, shots, limit, seed)
    assert not {item.parts for item in asked} & {item.parts for item in examples}
    assert not {item.id for item in asked} & {item.id for item in examples}
    assert (asked, examples) == drawn(items, shots, limit, seed) and asked == sorted(asked, key=items.index)
    assert shots or (not examples and len(asked) == min(limit or 40, len(items)))


def test_few_items_still_leave_as_many_examples_as_a_prompt_shows():
    asked, examples = drawn(items_of(*map(str, range(7))), 5, None, 0)
    assert (len(asked), len(examples)) == (2, 5)
    asked, examples = drawn(items_of(*map(str, range(100))), 5, 30, 0)
    assert (len(asked), len(examples)) == (30, 20)


@pytest.fixture
def examined(tmp_path):
    """`examined(shots, texts)`: what one task gave."""
    from eval_app.core.examination import examine
    from tests.core.eval.test_harness import Listening

    def run(shots, *texts):
        benchmark = Benchmark.open(
            save_benchmark(ArtefactStore(tmp_path), items_of(*texts), {"name": "j", "recipe": {}})
        )
        definition = bundled_task("jeopardy").model_copy(update={"num_fewshot": shots})
        return examine(Listening(), [definition], [benchmark], limit=None, seed=0)

    return run


@pytest.mark.torch
def test_every_prompt_shows_other_items_and_the_report_says_how_many_serve(examined):
    found = examined(2, *[f"Question {n}" for n in range(20)])
    assert (found.tasks[0]["asked"], found.tasks[0]["examples"], found.tasks[0]["present"]) == (12, 8, 20)
    for result in found.results:
        question = result.prompt.rstrip().removesuffix("Answer:").rstrip().rpartition("\n")[2]
        assert question.startswith("Question") and result.prompt.count(question + "\n") == 1
        assert result.prompt.count("Answer: so") == 2


@pytest.mark.torch
@pytest.mark.parametrize("texts", [["one"], ["same", "same"]])
def test_without_enough_examples_the_task_is_refused(examined, texts):
    with pytest.raises(InputError) as error:
        examined(1, *texts)
    (problem,) = error.value.problems
    assert problem.hint.startswith("register more")

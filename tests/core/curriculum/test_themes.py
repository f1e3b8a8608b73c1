"""Labels, proposals, precision and recall, the classifier and its subset."""

import math

import numpy as np
import pytest

from chimera.context import LocalContext
from chimera.errors import InputError
from curriculum_app.core.configs_themes import SubsetConfig, TrainClassifierConfig
from curriculum_app.core.dataset_version import DatasetVersion, DatasetWriter
from curriculum_app.core.documents import Document
from curriculum_app.core.jobs import subset, train_classifier
from curriculum_app.core.themes.classifier import Classifier
from curriculum_app.core.themes.labels import (
    Answer,
    LabelSet,
    Verdict,
    cohen_kappa,
    freeze_labels,
    is_held_out,
    text_sha256,
    verdicts,
)
from curriculum_app.core.themes.precision_recall import curve, f1_interval, point_at, threshold_for
from curriculum_app.core.themes.proposals import BATCH, entropy, propose

THEME = {"slug": "edu", "name": "Edu", "question": "Does it explain?"}


def test_entropy_has_the_worked_values_and_orders_ties_by_place():
    found = entropy(np.array([0.5, 0.9, 0.1, 0.65]))
    assert found == pytest.approx([0.693147, 0.325083, 0.325083, 0.647447], abs=1e-6)
    assert np.argsort(-found, kind="stable").tolist() == [0, 3, 1, 2]
    assert entropy(np.array([0.0, 1.0])) == pytest.approx([0, 0], abs=1e-12)


def test_kappa_has_the_worked_value():
    first, second = [1, 1, 0, 1, 0, 0, 1, 0], [1, 0, 0, 1, 0, 1, 1, 0]
    assert cohen_kappa(list(map(bool, first)), list(map(bool, second))) == 0.5
    assert math.isnan(cohen_kappa([True, True], [True, True]))


def test_precision_and_recall_at_three_have_the_worked_values():
    labels = [value >= 3 for value in (0, 1, 2, 3, 3, 4, 5, 1, 2, 3)]
    scores = [0.2, 1.4, 2.6, 2.9, 3.4, 3.6, 4.4, 0.4, 3.2, 2.2]
    point = point_at(np.round(scores), labels, 3)
    assert (point.precision, point.recall) == (pytest.approx(2 / 3), 0.8)
    assert point.f1 == pytest.approx(0.727273, abs=1e-6)


def test_the_curve_agrees_with_scikit_learn():
    from sklearn.metrics import precision_recall_curve

    rng = np.random.default_rng(3)
    labels = rng.random(60) < 0.4
    scores = np.round(rng.random(60) * 0.6 + labels * 0.3, 2)
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    points = curve(scores, labels)
    assert [point.threshold for point in points] == thresholds.tolist()
    assert [point.precision for point in points] == pytest.approx(precision[:-1])
    assert [point.recall for point in points] == pytest.approx(recall[:-1])
    chosen = threshold_for(points, 0.8)
    assert point_at(scores, labels, chosen).precision >= 0.8
    assert all(p.precision < 0.8 for p in points if p.threshold < chosen)
    assert threshold_for(points, 1.01) is None
    low, high = f1_interval(scores, labels, chosen)
    assert low < point_at(scores, labels, chosen).f1 < high


def test_a_batch_holds_doubtful_random_and_sure_texts_once_each():
    scores = np.linspace(0, 1, 100)
    free = np.ones(100, dtype=bool)
    free[45:50] = False
    found = propose(scores, free, seed=1)
    numbers = [number for number, _ in found]
    assert len(found) == len(set(numbers)) == BATCH
    assert [why for _, why in found] == ["unsure"] * 10 + ["random"] * 5 + ["high score"] * 5
    assert set(numbers[:10]) <= set(range(40, 60)) and not set(numbers) & set(range(45, 50))
    assert set(numbers[15:]) <= set(range(90, 100))
    assert propose(scores, free, seed=1) == found
    assert len(propose(None, free, seed=1)) == BATCH
    assert propose(None, np.zeros(5, dtype=bool), seed=1) == []


def test_the_majority_decides_and_a_tie_decides_nothing():
    answers = [Answer("a", "x", True), Answer("a", "y", True), Answer("a", "z", False)]
    answers += [Answer("b", "x", True), Answer("b", "y", False)]
    assert verdicts(answers) == {"a": Verdict(True, 3, 2)}


def texts(kind, count):
    words = {"yes": "therefore because explains example theorem reason", "no": "click here menu login cart basket"}
    return [f"{words[kind]} number {number} {words[kind].split()[number % 6]}" for number in range(count)]


@pytest.fixture
def ctx(tmp_path):
    return LocalContext(tmp_path)


def make_labels(ctx, yes=60, no=60):
    pairs = [(text, Verdict(True, 1, 1)) for text in texts("yes", yes)]
    pairs += [(text, Verdict(False, 1, 1)) for text in texts("no", no)]
    stored = freeze_labels(ctx.store, THEME, pairs)
    ctx.artefacts["labels-1"] = LabelSet.open(stored)
    return stored


def make_version(ctx, name="dataset-1", extra=0):
    with ctx.store.stage("dataset") as stage:
        with DatasetWriter(stage.path, {"name": name}) as writer:
            for kind in ("yes", "no"):
                for number, text in enumerate(texts(kind, 80 + extra)):
                    writer.add(Document(f"{kind}-{number}", text, domain=("web", "books")[number % 2]))
        ctx.artefacts[name] = DatasetVersion.open(stage.seal(writer.digest(), writer.facts()))
    return ctx.artefacts[name]


def train(ctx, **said):
    config = TrainClassifierConfig(name="edu", labels="labels-1", dataset="dataset-1", **said)
    classifier = Classifier.open(train_classifier.run(config, ctx).stored)
    ctx.artefacts["classifier-1"] = classifier
    return classifier


def test_labels_are_split_by_hash_and_equal_labels_are_one_set(ctx):
    first, again = make_labels(ctx), make_labels(ctx)
    assert first.digest == again.digest
    opened = LabelSet.open(first)
    training, held_out = opened.part(held_out=False), opened.part(held_out=True)
    assert len(training.texts) + len(held_out.texts) == 120
    assert all(is_held_out(text_sha256(text)) for text in held_out.texts)
    assert not any(is_held_out(text_sha256(text)) for text in training.texts)
    assert 0.15 < len(held_out.texts) / 120 < 0.45


def test_a_classifier_learns_what_the_labels_say_and_scores_every_document(ctx):
    make_labels(ctx)
    version = make_version(ctx)
    classifier = train(ctx)
    scores = classifier.scores
    assert scores.shape == (160,) and scores[:80].min() > 0.5 > scores[80:].max()
    measured = classifier.manifest["measured"]
    assert measured["recall"] == 1.0 and measured["average_precision"] == pytest.approx(1)
    assert measured["reaches_target"] and measured["precision"] >= 0.8
    assert "TF-IDF" in classifier.manifest["encoder_name"]
    again = np.concatenate(list(classifier.score(document.text for document in version.iter_documents())))
    assert again.astype(np.float32) == pytest.approx(scores, abs=1e-6)
    assert classifier.sizes[0] == version.documents_at([0])[0].num_bytes
    assert train(ctx).digest == classifier.digest


def test_too_few_labels_are_refused_by_answer(ctx):
    make_labels(ctx, yes=3)
    make_version(ctx)
    with pytest.raises(InputError, match="labelled yes"):
        train(ctx)


def test_a_subset_keeps_exactly_what_reaches_the_threshold(ctx):
    make_labels(ctx)
    version = make_version(ctx)
    classifier = train(ctx)
    threshold = float(np.sort(np.asarray(classifier.scores))[-50])
    config = SubsetConfig(name="edu", dataset="dataset-1", classifier="classifier-1", threshold=threshold)
    made = DatasetVersion.open(subset.run(config, ctx).stored)
    passed = np.flatnonzero(np.asarray(classifier.scores, dtype=np.float64) >= threshold)
    assert [document.id for document in made.iter_documents()] == [version.documents_at([int(n)])[0].id for n in passed]
    assert made.manifest["parents"] == [version.digest]
    web = subset.run(config.model_copy(update={"domains": ["web"]}), ctx).stored.manifest
    assert list(web["domains"]) == ["web"]
    with pytest.raises(InputError, match="no domain"):
        subset.run(config.model_copy(update={"domains": ["film"]}), ctx)


def test_another_version_is_scored_when_it_is_cut(ctx):
    make_labels(ctx)
    make_version(ctx)
    train(ctx)
    make_version(ctx, "dataset-2", extra=10)
    config = SubsetConfig(name="edu", dataset="dataset-2", classifier="classifier-1", threshold=0.5)
    made = DatasetVersion.open(subset.run(config, ctx).stored)
    assert {document.id.split("-")[0] for document in made.iter_documents()} == {"yes"}
    assert made.num_documents == 90


def test_documents_are_found_by_number_id_and_phrase(ctx):
    version = make_version(ctx)
    every = list(version.iter_documents())
    assert [version.documents_at([number])[0] for number in (0, 79, 80, 159)] == [
        every[number] for number in (0, 79, 80, 159)
    ]
    with pytest.raises(IndexError):
        version.documents_at([160])[0]
    assert version.numbers_of({"no-0", "yes-3"}) == [3, 80]
    assert version.numbers_containing("MENU login", 3, without={81}) == [80, 82, 83]


def test_a_subset_can_be_cut_by_a_column(ctx):
    from curriculum_app.core.columns import Columns
    from curriculum_app.core.configs_measure import MeasureConfig
    from curriculum_app.core.jobs import measure

    version = make_version(ctx)
    said = MeasureConfig(dataset="dataset-1", measures=[{"key": "length"}], workers=1)
    columns = ctx.artefacts["columns-1"] = Columns.open(measure.run(said, ctx).stored)
    lengths = np.asarray(columns.column("length"))
    config = SubsetConfig(
        name="long", dataset="dataset-1", columns="columns-1", column="length", threshold=float(lengths[3])
    )
    made = DatasetVersion.open(subset.run(config, ctx).stored)
    assert made.num_documents == int((lengths >= lengths[3]).sum()) < version.num_documents
    with pytest.raises(InputError, match="no column 'width'"):
        subset.run(config.model_copy(update={"column": "width"}), ctx)
    make_version(ctx, "dataset-2", extra=1)
    with pytest.raises(InputError, match="another dataset version"):
        subset.run(config.model_copy(update={"dataset": "dataset-2"}), ctx)
    with pytest.raises(ValueError, match="not both"):
        SubsetConfig(name="both", dataset="dataset-1", columns="columns-1", column="length", classifier="classifier-1")

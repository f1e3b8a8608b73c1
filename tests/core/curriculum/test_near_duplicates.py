"""Near-duplicates: SlimPajama's worked numbers, exactness, and independence of the order of the input."""

import random
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from datasketch import MinHash
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from curriculum_app.core.dedup.config import NearDuplicateConfig
from curriculum_app.core.dedup.near_duplicates import (
    Duplicate,
    cross_source_matrix,
    find_duplicates,
    least_agreement,
    probability_of_proposal,
)
from curriculum_app.core.dedup.shingles import (
    _BASE,
    _CHUNK,
    LONGEST,
    _clean_ascii,
    _runs,
    clean,
    jaccard,
    shingle_numbers,
    shingles,
)
from curriculum_app.core.dedup.sketches import Sketch, Sketcher, Sketches, Sketching
from curriculum_app.core.documents import Document

CONFIG = NearDuplicateConfig()
A = "The quick brown fox jumps over the lazy dog near the old river bank."
B = "The quick brown fox jumps over the lazy dog near the old stone bank!"


def duplicates_of(documents: list[Document], config: NearDuplicateConfig = CONFIG) -> list[Duplicate]:
    sketcher = Sketcher(Sketching(config))
    sketches = Sketches.of(map(sketcher.sketch, documents), config.num_perm)
    return find_duplicates(sketches, lambda n: documents[n].text, config)


def bare(id_: str, domain: str, chars: int, size: int = 10) -> Sketch:
    return Sketch(id_, domain, chars, size, 1, bytes(16), bytes(32), np.zeros(128, np.uint32))


def similarity(a: str, b: str) -> float:
    return jaccard(shingle_numbers(a), shingle_numbers(b))


def named(documents: list[Document], config: NearDuplicateConfig = CONFIG) -> set[tuple[str, str, float]]:
    found = duplicates_of(documents, config)
    return {(documents[f.removed].id, documents[f.kept].id, f.jaccard) for f in found}


def sentence(rng: random.Random, words: int = 60) -> str:
    return " ".join("".join(rng.choices("abcdefghij", k=rng.randint(2, 8))) for _ in range(words))


def test_cleaning_is_slimpajamas() -> None:
    assert clean("  Hello,\tWorld!!\n\nIt's   2024 — ok?  ") == "hello world its 2024 — ok"


def test_shingles_are_thirteen_characters() -> None:
    found = shingles("The quick brown fox")
    assert len(found) == 7 and "the quick bro" in found


def test_the_worked_pair_has_jaccard_45_of_65() -> None:
    a, b = shingles(A), shingles(B)
    assert (len(a), len(b), len(a & b), len(a | b)) == (55, 55, 45, 65)
    assert similarity(A, B) == 45 / 65 == pytest.approx(0.692308, abs=1e-6)


def test_words_as_shingles_give_the_worked_8_of_12_and_0_of_4() -> None:
    for length, shared, union in ((5, 8, 12), (13, 0, 4)):
        a, b = shingles(A, length, "word"), shingles(B, length, "word")
        assert (len(a & b), len(a | b)) == (shared, union)
    assert "the quick brown fox jumps" in shingles(A, 5, "word")
    assert shingles("four words of text", 5, "word") == shingles("", 1, "word") == set()


def test_words_without_a_length_are_five_and_characters_thirteen() -> None:
    assert NearDuplicateConfig().shingle_length == 13
    assert NearDuplicateConfig(shingle_unit="word").shingle_length == 5
    assert NearDuplicateConfig(shingle_unit="word", shingle_length=7).shingle_length == 7


def test_words_as_shingles_decide_by_words() -> None:
    documents = [Document("a", A, "x"), Document("b", B, "x")]
    words = NearDuplicateConfig(shingle_unit="word", threshold=0.6)
    assert named(documents, words) <= {("b", "a", 8 / 12)}
    copies = [Document("a", A, "x"), Document("b", A.upper(), "x")]
    assert named(copies, words) == {("b", "a", 1.0)}


@pytest.mark.parametrize(
    "bands, rows, published",
    [
        (9, 13, "001098 .011693 .083896 .194584 .398844 .686440 .928604 .998469"),
        (14, 8, "053320 .211122 .564504 .771634 .923548 .988366 .999622"),
    ],
)
def test_the_s_curve_has_the_published_values(bands: int, rows: int, published: str) -> None:
    similarities = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
    for similarity, expected in zip(similarities, ("." + published).split(), strict=False):
        assert probability_of_proposal(similarity, bands, rows) == pytest.approx(float(expected), abs=1e-6)


def test_half_of_the_pairs_are_proposed_at_the_published_similarity() -> None:
    assert probability_of_proposal(0.818605, 9, 13) == pytest.approx(0.5, abs=1e-5)
    assert probability_of_proposal(0.684698, 14, 8) == pytest.approx(0.5, abs=1e-5)


def test_signatures_estimate_jaccard() -> None:
    rng = random.Random(0)
    base = sentence(rng, 200)
    other = base[: len(base) // 2] + sentence(rng, 100)
    sketcher = Sketcher(Sketching(CONFIG))
    a, b = (sketcher.sketch(Document("", text, "")).signature for text in (base, other))
    truth = similarity(base, other)
    assert a.dtype == np.uint32 and a.shape == (128,)
    assert abs(float(np.mean(a == b)) - truth) < 4 * (truth * (1 - truth) / 128) ** 0.5


def test_texts_below_thirteen_characters_never_collide() -> None:
    assert duplicates_of([Document("1", "short", "a"), Document("2", "short", "a"), Document("3", "", "a")]) == []
    assert similarity("short", "short") == 0


def test_the_worked_pair_stays_and_a_copy_goes() -> None:
    documents = [Document("a", A, "x"), Document("b", B, "x"), Document("c", A.upper(), "x")]
    assert named(documents) == {("c", "a", 1.0)}
    assert named(documents, NearDuplicateConfig(threshold=0.69)) >= {("c", "a", 1.0)}


def test_domain_priority_then_length_then_id_decide_which_one_stays() -> None:
    rows = [("e", "web", 400), ("a", "web", 900), ("b", "web", 400), ("c", "code", 900), ("d", "books", 850)]
    sketches = Sketches.of((bare(*row) for row in rows), 128)
    order = sketches.visiting_order(["books", "code"])
    assert [sketches.id(n) for n in order] == ["d", "c", "a", "b", "e"]
    assert [sketches.id(n) for n in sketches.visiting_order(["books"], first=1)] == ["e", "d", "a", "c", "b"]


def test_the_cross_source_matrix_counts_kept_against_removed() -> None:
    domains = {"a": "web", "b": "web", "c": "code", "d": "books", "e": "web"}
    sketches = Sketches.of((bare(i, domain, 1) for i, domain in domains.items()), 128)
    assert cross_source_matrix([(0, 3), (2, 3), (4, 1)], sketches) == {
        "books": {"web": {"documents": 1, "bytes": 10}, "code": {"documents": 1, "bytes": 10}},
        "web": {"web": {"documents": 1, "bytes": 10}},
    }


@given(st.integers(0, 10_000))
def test_the_result_does_not_depend_on_the_order_of_the_input(seed: int) -> None:
    rng = random.Random(seed)
    documents = []
    for family in range(4):
        text = sentence(rng)
        for member in range(rng.randint(1, 4)):
            changed = text.split()
            for _ in range(rng.choice([0, 0, 1, 2, 5])):
                changed[rng.randrange(len(changed))] = "changed"
            documents.append(Document(f"{family}-{member}", " ".join(changed), rng.choice(["a", "b", "c"])))
    config = NearDuplicateConfig(priority=["b", "a"])
    expected = named(documents, config)
    shuffled = documents[:]
    rng.shuffle(shuffled)
    assert named(shuffled, config) == expected
    removed = {removed for removed, _, _ in expected}
    by_id = {document.id: document.text for document in documents}
    for gone, kept, exact in expected:
        assert kept not in removed
        assert exact == similarity(by_id[gone], by_id[kept]) >= config.threshold


def test_recall_of_pairs_just_above_the_threshold_is_what_the_s_curve_promises() -> None:
    rng = random.Random(1)
    documents, planted = [], 0
    for number in range(150):
        words = sentence(rng, 80).split()
        copy = words[:]
        for _ in range(3):
            copy[rng.randrange(len(copy))] = "other"
        a, b = " ".join(words), " ".join(copy)
        documents += [Document(f"{number}a", a, "x"), Document(f"{number}b", b, "x")]
        planted += similarity(a, b) >= 0.8
    assert planted > 50
    assert len(duplicates_of(documents)) / planted > probability_of_proposal(0.8, 16, 8) > 0.94


def test_more_bands_and_rows_than_permutations_are_refused() -> None:
    with pytest.raises(ValidationError, match="160, more than the 128"):
        NearDuplicateConfig(bands=20)


@given(st.text(alphabet="aé 中\t.", max_size=80), st.text(alphabet="aé 中\t.", max_size=80), st.integers(1, 9))
def test_numbers_stand_for_shingles_one_for_one(a: str, b: str, length: int) -> None:
    for unit in ("char", "word"):
        x, y = shingles(a, length, unit), shingles(b, length, unit)
        numbers = shingle_numbers(a, length, unit)
        assert len(numbers) == len(x) and (np.diff(numbers) > 0).all()
        expected = len(x & y) / len(x | y) if x | y else 0
        assert jaccard(numbers, shingle_numbers(b, length, unit)) == expected


def test_ascii_is_cleaned_like_any_other_text() -> None:
    text = "".join(map(chr, range(128))) + "  A\t\tB \r\n C  " + "".join(map(chr, range(127, -1, -1))) + " "
    assert _clean_ascii(text).decode() == clean(text)


def test_a_lone_surrogate_has_shingles_too() -> None:
    assert len(shingle_numbers("\ud800" + "abcdefghijklm")) == 2


@pytest.mark.parametrize("words", [3, 30, 40, 300])  # fewer shingles than a block, about one, several
def test_signatures_are_those_of_datasketch(words: int) -> None:
    numbers = shingle_numbers(sentence(random.Random(3), words))
    minhash = MinHash(num_perm=128, seed=1, scheme="affine32", hashfunc=lambda number: number >> 32)
    minhash.update_batch(numbers.tolist())
    assert (Sketcher(Sketching(CONFIG)).signature(numbers) == minhash.hashvalues).all()


def test_a_signature_does_not_depend_on_where_blocks_of_shingles_end() -> None:
    numbers = shingle_numbers(sentence(random.Random(4), 150))
    sketcher = Sketcher(Sketching(CONFIG))
    for size in (1, 255, 256, 257, 511, 512, 513):
        parts = [sketcher.signature(numbers[:size]), sketcher.signature(numbers[size - 1 :])]
        assert (np.minimum(*parts) == sketcher.signature(numbers)).all()


@pytest.mark.parametrize("length", [1, 13, LONGEST])
def test_runs_are_the_polynomials_of_their_units_over_the_borders_of_chunks(length: int) -> None:
    units = np.random.default_rng(0).integers(0, 2**64, _CHUNK + length + 5, dtype=np.uint64)
    found = _runs(units, length)
    assert len(found) == _CHUNK + 6
    for start in (0, 1, _CHUNK - 1, _CHUNK, _CHUNK + 5):
        value = 0
        for unit in units[start : start + length].tolist():
            value = (value * _BASE + unit) % 2**64
        assert int(found[start]) == value


@pytest.mark.parametrize("threshold, num_perm, least", [(0.8, 128, 79), (0.5, 16, 0), (0.99, 16, 12), (1.0, 128, 128)])
def test_a_similar_pair_agrees_too_seldom_to_be_compared_once_in_a_million_times(
    threshold: float, num_perm: int, least: int
) -> None:
    s = Fraction(str(threshold))
    chances = [comb(num_perm, k) * s**k * (1 - s) ** (num_perm - k) for k in range(least + 1)]
    assert least_agreement(threshold, num_perm) == least
    assert sum(chances[:least]) <= Fraction(1, 10**6) < sum(chances)

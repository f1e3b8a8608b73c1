"""The difference of two texts: what stayed, what went, what came."""

import random
import time

from hypothesis import given
from hypothesis import strategies as st

from curriculum_app.core.text_difference import MOST_LINES, Piece, text_difference


def test_words_that_were_replaced_are_marked_and_nothing_else() -> None:
    assert text_difference("Write to x@y.org now.", "Write to email@example.com now.").shortened == [
        Piece("same", "Write to "),
        Piece("gone", "x"),
        Piece("new", "email"),
        Piece("same", "@"),
        Piece("gone", "y"),
        Piece("new", "example"),
        Piece("same", "."),
        Piece("gone", "org"),
        Piece("new", "com"),
        Piece("same", " now."),
    ]


def test_removed_lines_are_marked_and_long_equal_stretches_left_out() -> None:
    kept = "".join(f"Line {n} stays.\n" for n in range(100))
    pieces = text_difference(kept + "Cookies!\n" + kept, kept + kept).shortened
    assert [piece.kind for piece in pieces] == ["gap", "same", "gone", "same", "gap"]
    assert pieces[2].text.strip() == "Cookies!" and len(pieces[1].text) == 160


def test_a_space_alone_does_not_part_two_changes() -> None:
    found = text_difference("say something of its own here", "say nothing at all here")
    assert [piece.text.strip() for piece in found.before if piece.differs] == ["something of its own"]
    assert [piece.text.strip() for piece in found.after if piece.differs] == ["nothing at all"]


def test_equal_texts_are_one_piece() -> None:
    assert text_difference("a" * 999, "a" * 999).shortened == [Piece("same", "a" * 999)]


def test_shared_passages_are_counted_in_words() -> None:
    found = text_difference("one two three. four", "zero one two three! four")
    assert (found.passages, found.longest) == ([3, 1], 3)


def test_long_texts_are_bounded_and_say_so() -> None:
    words = [str(random.Random(0).randrange(1000)) for _ in range(100)]
    same = " ".join(words * 500)
    start = time.perf_counter()
    found = text_difference(f"{same} old {same}", f"{same} new {same}")
    assert not found.cut and [piece.text for piece in found.after if piece.differs] == ["new"]
    assert text_difference("a\n" * (MOST_LINES + 1), "b\n").cut
    text_difference("a " * 5000, "b " * 5000)
    assert time.perf_counter() - start < 10


@given(st.text(max_size=60), st.text(max_size=60))
def test_the_pieces_are_the_texts(before: str, after: str) -> None:
    found = text_difference(before, after)
    assert "".join(piece.text for piece in found.before) == before
    assert "".join(piece.text for piece in found.after) == after

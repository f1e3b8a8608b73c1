"""Changes of a text as pieces: what stayed, what went, what came."""

from curriculum_app.core.text_changes import Piece, text_changes


def test_words_that_were_replaced_are_marked_and_nothing_else() -> None:
    assert text_changes("Write to x@y.org now.", "Write to email@example.com now.") == [
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
    pieces = text_changes(kept + "Cookies!\n" + kept, kept + kept)
    assert [piece.kind for piece in pieces] == ["gap", "same", "gone", "same", "gap"]
    assert pieces[2].text == "Cookies!\n" and len(pieces[1].text) == 160


def test_equal_texts_are_one_piece() -> None:
    assert text_changes("a" * 999, "a" * 999) == [Piece("same", "a" * 999)]

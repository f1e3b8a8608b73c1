"""spaCy's English words with every different run of letters cut once, not every text.

The tokenizer cuts a text at white space and each run between by itself; only its "special cases" (`:-)`, `a.m.`) are
looked up once more in the sequence of all tokens, where they may reach over a space. So the tokens of a text are those
of its runs one after the other, which are remembered, except where a run that holds a special case (`it's,`) stands
beside one that could continue another: such a text is cut as a whole. Tests compare this with spaCy itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, pairwise
from threading import RLock
from typing import Any, NamedTuple, cast

import numpy as np

Tokenizer = Any  # spaCy's own, which has no types
_REMEMBERED = 1 << 16  # runs; about 30 MB
_LONGEST = 64  # characters of a run that is remembered
_BROKEN, _MENDED = "IS_ALPHA", "is_alpha"  # spaCy takes this word for its own symbol 1 and fails
_SPACES = re.compile(r"\S+|\s+")
_SENTENCE_END = re.compile("e[ep]*w")


class Run(NamedTuple):
    """The tokens of a run of letters.

    `kinds` has a letter for each: `e` may end a sentence, `p` is other punctuation, `w` is anything else. `special`:
    a special case stands in it beside other letters and has changed its tokens.
    """

    words: tuple[str, ...]
    kinds: str
    special: bool


class EnglishWords:
    """Cuts texts; remembers the runs it has seen, up to about 100,000."""

    def __init__(self) -> None:
        import spacy
        from spacy.pipeline import Sentencizer

        self._english = cast(Any, spacy.blank("en"))
        self._english.vocab.lex_attr_getters = {}  # shape, prefix and so on of every word, which nobody asks for
        self._full: Tokenizer = self._english.tokenizer
        self._ends = frozenset(Sentencizer.default_punct_chars)
        self._one_at_a_time = RLock()  # a memory zone is the whole vocabulary's; web processes have several threads
        self._runs: dict[str, Run] = {}
        self._bare = _without_special_cases(self._full)
        self.special_cases = [case for case in self._full.rules if not case.isspace()]
        patterns = {case: tokens for case in self.special_cases if len(tokens := self._tokens(self._bare, case)) > 1}
        self._special = re.compile("|".join(map(re.escape, sorted(patterns, key=len, reverse=True))))
        self._follow: dict[str, set[str]] = {}  # token → those that stand behind it in a special case
        for left, right in chain.from_iterable(map(pairwise, patterns.values())):
            self._follow.setdefault(left, set()).add(right)

    def words(self, text: str) -> list[str]:
        """datatrove's `split_into_words(text)`, but for the word that makes spaCy fail."""
        pieces = text.replace(_BROKEN, _MENDED).split()
        runs = self.cut(pieces)
        if runs is None:
            return [word for word in self._tokens(self._full, text.replace(_BROKEN, _MENDED)) if not word.isspace()]
        return [word for run in runs for word in run.words]

    def count_sentences(self, line: str) -> int:
        """`len(split_into_sentences(line))` of datatrove."""
        pieces = line.split()
        runs = None if _BROKEN in line else self.cut(pieces)
        if runs is None:
            from datatrove.utils.text import split_into_sentences

            with self._one_at_a_time:
                return len(split_into_sentences(line))
        single_spaces = " ".join(pieces) == line
        kinds = "".join([run.kinds for run in runs] if single_spaces else _with_spaces(line, runs))
        return 1 + sum(1 for _ in _SENTENCE_END.finditer(kinds))

    def cut(self, pieces: Sequence[str]) -> list[Run] | None:
        """The runs of a text, or None if special cases may reach over the spaces between them."""
        known = self._runs
        try:
            runs = [known[piece] for piece in pieces]
        except KeyError:
            with self._one_at_a_time:
                runs = self._learn(pieces)
        places = [place for place, run in enumerate(runs) if run.special]
        joints = {joint for place in places for joint in (place, place + 1) if 0 < joint < len(runs)}
        if any(self._may_join(pieces[n - 1], runs[n - 1], pieces[n], runs[n]) for n in joints):
            return None
        return runs

    def _may_join(self, left: str, left_run: Run, right: str, right_run: Run) -> bool:
        """Whether a special case may reach over the space between two runs.

        Of a run whose tokens a special case has changed, any beginning and end may have been a token before.
        """
        ends = filter(left.endswith, self._follow) if left_run.special else left_run.words[-1:]
        starts = [start for end in ends for start in self._follow.get(end, ())]
        return any(map(right.startswith, starts)) if right_run.special else right_run.words[0] in starts

    def _learn(self, pieces: Sequence[str]) -> list[Run]:
        """The runs of a text of which some are new."""
        if len(self._runs) > _REMEMBERED:
            self._runs.clear()
        new = [piece for piece in dict.fromkeys(pieces) if piece not in self._runs]
        tokens = self._each(self._full, new)
        doubtful = [piece for piece in new if self._holds_special(piece)]
        bare = dict(zip(doubtful, self._each(self._bare, doubtful), strict=True))
        found = {
            piece: Run(tuple(words), "".join(map(self._kind, words)), bare.get(piece, words) != words)
            for piece, words in zip(new, tokens, strict=True)
        }
        if len(new) <= _REMEMBERED:
            self._runs |= {piece: run for piece, run in found.items() if len(piece) <= _LONGEST}
        return [found.get(piece) or self._runs[piece] for piece in pieces]

    def _each(self, tokenizer: Tokenizer, pieces: Sequence[str]) -> list[list[str]]:
        """The tokens of every run; all in one text, since nothing reaches over the end of a line."""
        found: list[list[str]] = [[]]
        for word in self._tokens(tokenizer, "\n".join(pieces)):
            if word == "\n":
                found.append([])
            else:
                found[-1].append(word)
        return found[: len(pieces)]

    def _tokens(self, tokenizer: Tokenizer, text: str) -> list[str]:
        """spaCy's own tokens, white space included; each distinct one is decoded once."""
        with self._one_at_a_time, self._english.memory_zone():  # else the vocabulary grows with every text
            keys, positions = np.unique(tokenizer(text).to_array("ORTH"), return_inverse=True)
            distinct = [self._english.vocab.strings[key] for key in keys.tolist()]
        return [distinct[position] for position in positions.tolist()]

    def _kind(self, word: str) -> str:
        if word in self._ends:
            return "e"
        if word.isalnum():
            return "w"
        return "p" if all(unicodedata.category(character).startswith("P") for character in word) else "w"

    def _holds_special(self, piece: str) -> bool:
        return any(found.group() != piece for found in self._special.finditer(piece))


def _with_spaces(line: str, runs: Iterable[Run]) -> Iterator[str]:
    """The kinds of all tokens of a line: white space but a single space between two runs is a token too."""
    remaining = iter(runs)
    for place, part in enumerate(_SPACES.findall(line)):
        if not part.isspace():
            yield next(remaining).kinds
        elif place == 0 or part != " ":
            yield "w"


def _without_special_cases(full: Tokenizer) -> Tokenizer:
    return type(full)(
        full.vocab,
        prefix_search=full.prefix_search,
        suffix_search=full.suffix_search,
        infix_finditer=full.infix_finditer,
        token_match=full.token_match,
        url_match=full.url_match,
    )


@cache
def english_words() -> EnglishWords:
    """One for each process."""
    return EnglishWords()

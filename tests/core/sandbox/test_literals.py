"""Values between a program and its checker: exact, or opaque."""

from __future__ import annotations

import json
import math
from collections import OrderedDict, deque
from decimal import Decimal
from fractions import Fraction

import pytest

from chimera.sandbox.inside.literals import Opaque, decode, encode

PLAIN = [
    *(None, True, 0, -7, 2**200, 1.5, -0.0, math.inf, "", "é\ud800", b"\x00x", 1 + 2j, range(2, 9, 3)),
    *([1, [2.0, (3, "x")]], {"a": {1: {2}}}, {(1, 2): frozenset({3})}, deque([1]), Decimal("1.10"), Fraction(1, 3)),
]


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_a_plain_value_comes_back_exactly(value):
    back = decode(json.loads(json.dumps(encode(value))))
    assert back == value and type(back) is type(value) and repr(back) == repr(value)


def test_nan_stays_nan_and_an_iterator_stays_one():
    assert math.isnan(decode(encode(math.nan)))
    assert list(decode(encode(map(str, [1, 2])))) == ["1", "2"]


def test_a_subclass_is_cut_down_and_an_object_is_opaque():
    class Liar(int):
        def __eq__(self, other):
            return True

        __hash__ = None

    assert type(decode(encode(Liar(3)))) is int and decode(encode(Liar(3))) != 4
    assert type(decode(encode(OrderedDict(a=1)))) is dict
    opaque = decode(encode(object()))
    assert isinstance(opaque, Opaque) and opaque != 1


NONSENSE = [[1], {}, {"a": 1, "b": 2}, {"evil": 1}, {"set": [{"list": []}]}, {"range": [1, 2, 0]}]


@pytest.mark.parametrize("value", NONSENSE)
def test_what_no_encoder_wrote_is_refused(value):
    with pytest.raises(ValueError):
        decode(value)

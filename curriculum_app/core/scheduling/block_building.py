"""Compiled sorting of candidates into blocks, and the boxes around them (`blocks.py`); imported only where it runs."""

from __future__ import annotations

import numba
import numpy as np

HORIZON = 256.0  # steps over which a block's drift should stay small
FLAT = 1e-5  # variance below which a split by value is pointless


@numba.njit(cache=True)
def split_blocks(indptr, indices, data, first_fast, dims, lengths, rates, leaf):
    """Sort candidates into blocks alike in their fast dimensions, length and drift: rows and starts of the blocks."""
    count = len(indptr) - 1
    rows = np.arange(count)
    sums, squares, scratch = np.zeros(dims + 2), np.zeros(dims + 2), np.empty(count, np.int64)
    starts, number = np.zeros(count + 1, np.int64), 0
    stack, depth = np.zeros((count + 2, 2), np.int64), 1
    stack[0, 1] = count
    while depth > 0:
        depth -= 1
        low, high = stack[depth, 0], stack[depth, 1]
        if high - low <= leaf:
            number += 1
            starts[number] = high
            continue
        dim, mean = _widest(indptr, indices, data, first_fast, lengths, rates, rows[low:high], sums, squares)
        middle = low
        if dim >= 0:
            middle = _part(indptr, indices, data, lengths, rates, rows, low, high, dim, dims, mean, scratch)
        if middle == low or middle == high:  # noqa: SIM109 - compiled
            middle = (low + high) // 2
        stack[depth, 0], stack[depth, 1] = middle, high
        stack[depth + 1, 0], stack[depth + 1, 1] = low, middle
        depth += 2
    return rows, starts[: number + 1].copy()


@numba.njit(cache=True)
def _widest(indptr, indices, data, first_fast, lengths, rates, rows, sums, squares):
    """The dimension in which rows differ most and their mean there; -1 where they hardly differ."""
    dims = len(sums) - 2
    sums[:] = 0.0
    squares[:] = 0.0
    for row in rows:
        for at in range(indptr[row], indptr[row + 1]):
            dim = indices[at]
            if dim >= first_fast:
                sums[dim] += data[at]
                squares[dim] += data[at] * data[at]
        sums[dims] += lengths[row]
        squares[dims] += lengths[row] * lengths[row]
        drift = rates[row] * HORIZON
        sums[dims + 1] += drift
        squares[dims + 1] += drift * drift
    best, found, size = FLAT, -1, len(rows)
    for dim in range(first_fast, dims + 2):
        spread = squares[dim] / size - (sums[dim] / size) ** 2
        if spread > best:
            best, found = spread, dim
    return found, (sums[found] / size if found >= 0 else 0.0)


@numba.njit(cache=True)
def _part(indptr, indices, data, lengths, rates, rows, low, high, dim, dims, mean, scratch):
    """Put rows at most `mean` in a dimension before the others; the border."""
    below, above = low, 0
    for place in range(low, high):
        row = rows[place]
        value = 0.0
        if dim == dims:
            value = lengths[row]
        elif dim == dims + 1:
            value = rates[row] * HORIZON
        else:
            for at in range(indptr[row], indptr[row + 1]):
                if indices[at] == dim:
                    value = data[at]
        if value <= mean:
            rows[below] = row
            below += 1
        else:
            scratch[above] = row
            above += 1
    rows[below:high] = scratch[:above]
    return below


@numba.njit(cache=True)
def group_boxes(indptr, indices, data, starts, first_fast, first_bin):
    """Smallest and largest value of each block in each fast group it touches, and its largest sum over them."""
    number = len(starts) - 1
    ptr, mass = np.zeros(number + 1, np.int64), np.zeros(number)
    box_dims, box_low, box_high = np.zeros(len(data), np.int64), np.zeros(len(data)), np.zeros(len(data))
    touched, filled = np.zeros(first_bin, np.int64), 0
    low, high, seen = np.zeros(first_bin), np.zeros(first_bin), np.zeros(first_bin, np.int64)
    for block in range(number):
        found = 0
        for row in range(starts[block], starts[block + 1]):
            total = 0.0
            for at in range(indptr[row], indptr[row + 1]):
                dim, value = indices[at], data[at]
                if dim < first_fast or dim >= first_bin:
                    continue
                total += value
                if seen[dim] == 0:
                    touched[found] = dim
                    found += 1
                    low[dim], high[dim] = value, value
                seen[dim] += 1
                low[dim], high[dim] = min(low[dim], value), max(high[dim], value)
            mass[block] = max(mass[block], total)
        size = starts[block + 1] - starts[block]
        for dim in touched[:found]:
            box_dims[filled], box_low[filled], box_high[filled] = dim, low[dim] if seen[dim] == size else 0.0, high[dim]
            seen[dim] = 0
            filled += 1
        ptr[block + 1] = filled
    return ptr, box_dims[:filled].copy(), box_low[:filled].copy(), box_high[:filled].copy(), mass

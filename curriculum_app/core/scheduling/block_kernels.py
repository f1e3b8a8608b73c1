"""Compiled inner loops of the block search (`blocks.py`); imported only where it runs, because numba takes a second.

Everything is in mean sequence lengths. A candidate's gain is -J/2 but for what all candidates share: with y its counts,
g what is owed after it less what was delivered, gain = y.g - |y|^2 / 2 (- |g|^2 / 2 where lengths differ).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numba
import numpy as np

from curriculum_app.core.scheduling.normal_draws import largest_of, random

TIE = 1e-9  # as in greedy.py
FIRST = 2  # blocks that an unlimited search takes best bound first; the rest in their order
AT_A_TIME = 512  # blocks whose bounds are worked out together


class Candidates(NamedTuple):
    """Distinct candidates as CSR rows y, sorted by block; several equal sequences are one candidate."""

    indptr: Any  # (G + 1,)
    middle: Any  # (G,) where a row's fast dimensions begin
    indices: Any  # (nnz,) slow groups first, then fast ones, then length bins
    data: Any  # (nnz,)
    half_norms: Any  # (G,) |y|^2 / 2
    lengths: Any  # (G,)
    offsets: Any  # (G + 1,) of each candidate's sequences in `members`, highest index first
    members: Any  # (M,)
    counts: Any  # (G,) sequences left


class Blocks(NamedTuple):
    """Blocks of candidates with bounds: a box over the fast dimensions, a drifting maximum over the slow ones."""

    starts: Any  # (N + 1,) of each block's candidates in `rows`
    rows: Any  # (G,)
    alive: Any  # (N,) candidates left, the first so many of the block
    sequences: Any  # (N,) sequences left
    box_ptr: Any  # (N + 1,) of each block's fast groups
    box_dims: Any
    box_low: Any
    box_high: Any
    mass: Any  # (N,) largest sum over fast groups
    bin_low: Any  # (B, N) float32
    bin_high: Any  # (B, N) float32
    bin_spare: Any  # (N,) largest sum over bins, less the sum of `bin_low`
    shortest: Any  # (N,)
    longest: Any  # (N,)
    slow: Any  # (N,) largest slow part at `seen`
    rate: Any  # (N,) most that it can grow per token
    seen: Any  # (N,) tokens delivered when `slow` was worked out


class Scratch(NamedTuple):
    """Room that a search works in."""

    bounds: Any  # (N,)
    lows: Any  # (N,)
    gains: Any  # (G,)
    places: Any  # (G,)
    homes: Any  # (G,) blocks
    noise: Any  # (N,)
    queue: Any  # (N,) blocks


def room_for(candidates: int, blocks: int) -> Scratch:
    """Room to search so many candidates in so many blocks."""
    places, homes = np.empty(candidates, np.int64), np.empty(candidates, np.int64)
    return Scratch(
        np.empty(blocks),
        np.empty(blocks),
        np.empty(candidates),
        places,
        homes,
        np.empty(blocks),
        np.empty(blocks, np.int64),
    )


class Plan(NamedTuple):
    """Increments of what is owed. Row i counts for `repeat` steps (equal lengths) or `width` tokens (others)."""

    increments: Any  # (n, D)
    repeat: int
    width: float
    equal: bool


@numba.njit(cache=True)
def _squares(goal, first, second):
    """Coefficients of |g|^2 as a square function of how far ahead g is, for both pieces."""
    found = np.zeros(6)
    for dim in range(len(goal)):
        turn = goal[dim] + first[dim]
        found[0] += goal[dim] * goal[dim]
        found[1] += 2.0 * goal[dim] * first[dim]
        found[2] += first[dim] * first[dim]
        found[3] += turn * turn
        found[4] += 2.0 * turn * second[dim]
        found[5] += second[dim] * second[dim]
    return found


@numba.njit(cache=True)
def _square_at(squares, ahead):
    if ahead <= 1.0:
        return squares[0] + ahead * (squares[1] + ahead * squares[2])
    return squares[3] + (ahead - 1.0) * (squares[4] + (ahead - 1.0) * squares[5])


@numba.njit(cache=True)
def _least_square(squares, low, high):
    """Smallest |g|^2 between `low` and `high` widths ahead: at an end, at the turn, or where a piece is lowest."""
    least = min(_square_at(squares, low), _square_at(squares, high))
    if low < 1.0 < high:
        least = min(least, squares[3])
    if squares[2] > 0.0:
        least = min(least, _square_at(squares, min(max(-squares[1] / (2.0 * squares[2]), low), min(high, 1.0))))
    if squares[5] > 0.0 and high > 1.0:
        least = min(least, _square_at(squares, min(max(1.0 - squares[4] / (2.0 * squares[5]), low, 1.0), high)))
    return least


@numba.njit(cache=True, inline="always")
def _goal(goal, first, second, dim, ahead):
    return goal[dim] + min(ahead, 1.0) * first[dim] + max(ahead - 1.0, 0.0) * second[dim]


@numba.njit(cache=True)
def _group_bound(blocks, block, plan, goal, first, second, ahead):
    """No candidate of the block gains more in fast groups: by their box, and by spending what they hold at the top."""
    low_sum, box, spare, top = 0.0, 0.0, blocks.mass[block], 0.0
    for at in range(blocks.box_ptr[block], blocks.box_ptr[block + 1]):
        dim, low, high = blocks.box_dims[at], blocks.box_low[at], blocks.box_high[at]
        pull = goal[dim] if plan.equal else _goal(goal, first, second, dim, ahead)
        box += (high if pull > 0.0 else low) * pull
        low_sum, spare, top = low_sum + low * pull, spare - low, max(top, pull)
    return min(box, low_sum + spare * top)


@numba.njit(cache=True)
def _bin_bounds(blocks, goal, first_bin, bounds, lows):
    """The same of length bins for all blocks at once, where all lengths are equal; some at a time, for the cache."""
    top = 0.0
    for bin in range(len(blocks.bin_low)):
        top = max(top, goal[first_bin + bin])
    for begin in range(0, len(bounds), AT_A_TIME):
        some = slice(begin, min(begin + AT_A_TIME, len(bounds)))
        bound, lowest, spare = bounds[some], lows[some], blocks.bin_spare[some]
        bound[:] = 0.0
        lowest[:] = 0.0
        for bin in range(len(blocks.bin_low)):
            pull, low = goal[first_bin + bin], blocks.bin_low[bin][some]
            most = blocks.bin_high[bin][some] if pull > 0.0 else low
            for block in range(len(bound)):
                bound[block] += most[block] * pull
                lowest[block] += low[block] * pull
        for block in range(len(bound)):
            bound[block] = min(bound[block], lowest[block] + spare[block] * top)


@numba.njit(cache=True)
def _bin_bound(blocks, block, goal, first, second, first_bin, ahead):
    """The same of one block, its longest candidate `ahead` widths ahead."""
    box, low_sum, top = 0.0, 0.0, 0.0
    for bin in range(len(blocks.bin_low)):
        pull = _goal(goal, first, second, first_bin + bin, ahead)
        low = blocks.bin_low[bin, block]
        box += (blocks.bin_high[bin, block] if pull > 0.0 else low) * pull
        low_sum, top = low_sum + low * pull, max(top, pull)
    return min(box, low_sum + blocks.bin_spare[block] * top)


@numba.njit(cache=True)
def _equal_bounds(blocks, plan, room, goal, first, second, tokens, first_bin):
    """Fill the room's bounds where all lengths are equal: no candidate of a block gains more."""
    bounds, slow, rate, seen, ptr = room.bounds, blocks.slow, blocks.rate, blocks.seen, blocks.box_ptr
    _bin_bounds(blocks, goal, first_bin, bounds, room.lows)
    for block in range(len(bounds)):
        bounds[block] += slow[block] + rate[block] * (tokens - seen[block])
    for block in range(len(bounds)):
        if ptr[block + 1] > ptr[block] and blocks.alive[block] > 0:
            bounds[block] += _group_bound(blocks, block, plan, goal, first, second, 0.0)


@numba.njit(cache=True)
def _unequal_bounds(blocks, plan, room, goal, first, second, squares, clock, first_bin):
    """The same where lengths differ: what is owed is read as far ahead as a block's candidates are long."""
    tokens, bounds = clock[0], room.bounds
    for block in range(len(bounds)):
        if blocks.alive[block] == 0:
            bounds[block] = -np.inf
            continue
        near = (tokens + blocks.shortest[block] - clock[1]) / plan.width
        far = (tokens + blocks.longest[block] - clock[1]) / plan.width
        bound = blocks.slow[block] + blocks.rate[block] * (tokens - blocks.seen[block])
        bound += _bin_bound(blocks, block, goal, first, second, first_bin, far)
        bound -= 0.5 * _least_square(squares, near, far)
        if blocks.box_ptr[block + 1] > blocks.box_ptr[block]:
            bound += _group_bound(blocks, block, plan, goal, first, second, far)
        bounds[block] = bound


@numba.njit(cache=True)
def _add_noise(blocks, room, noise, rng):
    """Draw the largest noise of each block's sequences, and let it raise the bound."""
    for block in range(len(room.bounds)):
        if blocks.alive[block] > 0:
            room.noise[block] = largest_of(blocks.sequences[block], 0.0, rng)
            room.bounds[block] += 0.5 * noise * room.noise[block]


@numba.njit(cache=True)
def _tolerance(best, square):
    return 0.5 * TIE * max(1.0, square - 2.0 * best)


@numba.njit(cache=True)
def _look_into(block, cands, blocks, plan, room, goal, first, second, squares, clock, best, filled, noise, rng):
    """Gains of all candidates of a block; those that may yet be best join the room's list."""
    start, highest, tokens = blocks.starts[block], -np.inf, clock[0]
    square = squares[0] if plan.equal else 0.0
    holder, tail = -1, 0.0
    if noise > 0.0:
        holder = int(random(rng) * blocks.sequences[block])
        tail = 0.5 * math.erfc(room.noise[block] / math.sqrt(2.0))
    for place in range(start, start + blocks.alive[block]):
        row = blocks.rows[place]
        slow, gain = -cands.half_norms[row], 0.0
        begin, middle, end = cands.indptr[row], cands.middle[row], cands.indptr[row + 1]
        if plan.equal:
            for at in range(begin, middle):
                slow += cands.data[at] * goal[cands.indices[at]]
            for at in range(middle, end):
                gain += cands.data[at] * goal[cands.indices[at]]
        else:
            ahead = (tokens + cands.lengths[row] - clock[1]) / plan.width
            for at in range(begin, middle):
                slow += cands.data[at] * _goal(goal, first, second, cands.indices[at], ahead)
            for at in range(middle, end):
                gain += cands.data[at] * _goal(goal, first, second, cands.indices[at], ahead)
            gain -= 0.5 * _square_at(squares, ahead)
        highest = max(highest, slow)
        gain += slow
        if noise > 0.0:
            mine = 0 <= holder < cands.counts[row]
            gain += 0.5 * noise * (room.noise[block] if mine else largest_of(cands.counts[row], tail, rng))
            holder -= cands.counts[row]
        if gain >= best - _tolerance(best, square):
            room.gains[filled], room.places[filled], room.homes[filled] = gain, place, block
            filled += 1
            best = max(best, gain)
    blocks.slow[block], blocks.seen[block] = highest, tokens
    return best, filled


@numba.njit(cache=True)
def _best(cands, blocks, room, filled, best, square):
    """The entry of the room's list with the lowest index among those equal to the best."""
    found, lowest = 0, np.int64(9223372036854775807)
    for entry in range(filled):
        if room.gains[entry] >= best - _tolerance(best, square):
            row = blocks.rows[room.places[entry]]
            number = cands.members[cands.offsets[row] + cands.counts[row] - 1]
            if number < lowest:
                found, lowest = entry, number
    return found


@numba.njit(cache=True)
def _take(cands, blocks, place, block, goal, noise, rng):
    """Deliver a sequence of the candidate at `place`: its index and length."""
    row = blocks.rows[place]
    last = cands.offsets[row] + cands.counts[row] - 1
    if noise > 0.0:
        other = cands.offsets[row] + int(random(rng) * cands.counts[row])
        cands.members[last], cands.members[other] = cands.members[other], cands.members[last]
    cands.counts[row] -= 1
    blocks.sequences[block] -= 1
    for at in range(cands.indptr[row], cands.indptr[row + 1]):
        goal[cands.indices[at]] -= cands.data[at]
    if cands.counts[row] == 0:
        blocks.alive[block] -= 1
        other = blocks.starts[block] + blocks.alive[block]
        blocks.rows[place], blocks.rows[other] = blocks.rows[other], row
        if blocks.alive[block] == 0:
            blocks.slow[block] = -np.inf  # so that its bound is
    return cands.members[last], cands.lengths[row]


@numba.njit(cache=True)
def _move_on(plan, goal, clock, steps, squares):
    """What is owed before the next choice; the two rows of the plan that speak of it, or -1 where they are used up."""
    last = len(plan.increments) - 1
    if plan.equal:
        if steps[2] == plan.repeat:
            steps[1], steps[2] = steps[1] + 1, 0
        if steps[1] > last:
            return -1, -1
        squares[0] = 0.0
        for dim in range(len(goal)):
            goal[dim] += plan.increments[steps[1], dim]
            squares[0] += goal[dim] * goal[dim]
        steps[2] += 1
        return steps[1], steps[1]
    while clock[0] >= clock[1] + plan.width - 1e-9:
        for dim in range(len(goal)):
            goal[dim] += plan.increments[min(steps[1], last), dim]
        steps[1], clock[1] = steps[1] + 1, clock[1] + plan.width
    if steps[1] >= last and plan.repeat == 1:
        return -1, -1
    row, following = min(steps[1], last), min(steps[1] + 1, last)
    squares[:] = _squares(goal, plan.increments[row], plan.increments[following])
    return row, following


@numba.njit(cache=True)
def _most_promising(bounds, queue, most):
    """Put the blocks with the largest bounds into the queue, `most` of them, largest first."""
    held, least = 0, np.inf
    for block in range(len(bounds)):
        bound = bounds[block]
        if held == most and bound <= least:
            continue
        held = min(held + 1, most)
        place = held - 1
        while place > 0 and bounds[queue[place - 1]] < bound:
            queue[place] = queue[place - 1]
            place -= 1
        queue[place] = block
        least = bounds[queue[held - 1]]


@numba.njit(cache=True)
def _search_step(cands, blocks, room, plan, goal, first, second, squares, clock, noise, rng, limit):
    """Look into blocks until no other can hold the best, or `limit` of them: best, entries, blocks, whether cut short.

    With a limit best bound first; without one that is too dear after the first few, and the rest go in their order.
    """
    square = squares[0] if plan.equal else 0.0
    best, filled, searched, number = -np.inf, 0, 0, len(room.bounds)
    limited = limit < number
    if limited:
        _most_promising(room.bounds, room.queue, limit + 1)
    for turn in range(limit + 1 if limited else FIRST + number):
        block = room.queue[turn] if limited else turn - FIRST
        if not limited and turn < FIRST:
            block = np.argmax(room.bounds)
        if room.bounds[block] <= best - 2.0 * _tolerance(best, square):
            continue
        if searched >= limit:
            return best, filled, searched, 1
        best, filled = _look_into(
            block, cands, blocks, plan, room, goal, first, second, squares, clock, best, filled, noise, rng
        )
        room.bounds[block] = -np.inf
        searched += 1
    return best, filled, searched, 0


@numba.njit(cache=True)
def search(cands, blocks, room, plan, goal, clock, steps, order, budget, first_bin, noise, rng, limit):
    """Choose until the budget is reached, the plan's rows are used up, half of the candidates are gone, or all.

    Args:
        goal: (D,) what is owed less what was delivered; for equal lengths already after the sequence chosen last.
        clock: [tokens delivered, tokens at the plan's row]. steps: [chosen so far, row of the plan, steps spent in it,
            blocks searched, steps that a limit cut short, candidates left].
        limit: most blocks that a step may search.
    """
    floor, squares = steps[5] // 2, np.zeros(6)
    while clock[0] < budget - 1e-9 and steps[5] > 0 and steps[5] >= floor:
        row, following = _move_on(plan, goal, clock, steps, squares)
        if row < 0:
            return
        first, second = plan.increments[row], plan.increments[following]
        square = squares[0] if plan.equal else 0.0
        if plan.equal:
            _equal_bounds(blocks, plan, room, goal, first, second, clock[0], first_bin)
        else:
            _unequal_bounds(blocks, plan, room, goal, first, second, squares, clock, first_bin)
        if noise > 0.0:
            _add_noise(blocks, room, noise, rng)
        best, filled, searched, cut = _search_step(
            cands, blocks, room, plan, goal, first, second, squares, clock, noise, rng, limit
        )
        entry = _best(cands, blocks, room, filled, best, square)
        home = room.homes[entry]
        left = blocks.alive[home]
        order[steps[0]], length = _take(cands, blocks, room.places[entry], home, goal, noise, rng)
        clock[0] += length
        steps[0], steps[3], steps[4] = steps[0] + 1, steps[3] + searched, steps[4] + cut
        steps[5] -= left - blocks.alive[home]

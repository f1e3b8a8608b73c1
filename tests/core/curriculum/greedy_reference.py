"""The scheduler as the formula says it, one candidate at a time: the reference the fast one must equal."""

import numpy as np

from curriculum_app.core.scheduling.greedy import TIE


def reference_order(groups, bins, target, length_term=1.0):
    """Order and the J of each choice, J in squared tokens."""
    left, order, costs = list(range(len(groups))), [], []
    T, U, S = np.zeros(groups.shape[1]), np.zeros(bins.shape[1]), 0.0
    unit = groups.sum() / len(groups)
    while left:
        scores = []
        for s in left:
            after = np.array([S + groups[s].sum()])
            off_groups = T + groups[s] - target.groups(after)[0]
            off_bins = U + bins[s] - target.bins(after)[0]
            scores.append((off_groups @ off_groups + length_term * off_bins @ off_bins) / unit**2)
        best = min(scores)
        pick = next(i for i, score in enumerate(scores) if score <= best + TIE * max(1.0, best))
        s = left.pop(pick)
        T, U, S = T + groups[s], U + bins[s], S + groups[s].sum()
        order.append(s)
        costs.append(scores[pick] * unit**2)
    return order, costs

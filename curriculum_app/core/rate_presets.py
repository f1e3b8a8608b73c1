"""Learning rates that go with a curriculum, as knots over its tokens (pure)."""

from __future__ import annotations

from typing import Literal

import numpy as np

from curriculum_app.core.tracks import RateKnot, RateTrack

Ending = Literal["constant", "moderate", "full"]
FINAL = {"constant": 1.0, "moderate": 1 / 3, "full": 0.0}  # of the peak
KNOTS = 33  # of a decay, evenly spaced in √r


def rate_track(ending: Ending, *, peak: float, warm_up: float, decay: float) -> RateTrack:
    """From 0 to `peak` over `warm_up` of the tokens, then held, then over the last `decay` of them down by 1 − √r.

    With r in [0, 1] the way through the decay: peak · (1 − √r) + final · √r, which is straight in √r, so the knots are
    evenly spaced in it; between them the track is off by less than 1/64 of the fall (arXiv 2511.18903: 3e-3 down to
    1e-3 over the last 15 to 20 %).
    """
    knots = [(0.0, 0.0), (warm_up, peak)] if warm_up else [(0.0, peak)]
    if ending != "constant":
        root = np.linspace(0.0, 1.0, KNOTS)
        at, rate = 1 - decay + decay * root**2, peak * (1 - root) + FINAL[ending] * peak * root
        knots += zip(at.tolist(), rate.tolist(), strict=True)
    return RateTrack(knots=[RateKnot(at=min(at, 1.0), rate=rate) for at, rate in knots])

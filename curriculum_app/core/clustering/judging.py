"""How far to trust clusters, and their map in two dimensions (pure)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from curriculum_app.core.encoders.base import Vectors
from curriculum_app.core.packing import Int

MAP_POINTS = 2000
JUDGED = 2000  # rows of the silhouette
PERPLEXITY = 30.0


def silhouette(rows: Vectors, clusters: Int) -> float | None:
    """Mean silhouette (Rousseeuw 1987) by cosine distance, -1 to 1; None when the rows are of one cluster only."""
    from sklearn.metrics import silhouette_score

    if not 1 < len(np.unique(clusters)) < len(rows):
        return None
    return round(float(silhouette_score(rows, clusters, metric="cosine")), 4)


def agreement(one: Int, other: Int) -> float:
    """Adjusted Rand index of two clusterings (Hubert & Arabie 1985): 1 the same, 0 as by chance."""
    from sklearn.metrics import adjusted_rand_score

    return round(float(adjusted_rand_score(one, other)), 4)


def lay_out(rows: Vectors, seed: int) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """Points in the plane, shape [n, 2], scaled to [-1, 1], and how they were made.

    t-SNE (van der Maaten & Hinton 2008) that starts from the principal components keeps neighbours together; distances
    between far groups mean little. Under ten rows the principal components themselves are taken.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        if len(rows) < 10:
            return _scaled(_components(rows)), {"method": "PCA"}
        from sklearn.manifold import TSNE

        perplexity = min(PERPLEXITY, (len(rows) - 1) / 3)
        tsne = TSNE(2, perplexity=perplexity, init="pca", learning_rate="auto", random_state=seed, n_jobs=1)
        points = tsne.fit_transform(rows.astype(np.float32))
    return _scaled(points), {"method": "t-SNE", "perplexity": round(perplexity, 2)}


def _components(rows: Vectors) -> NDArray[np.float32]:
    """Coordinates along the first two principal components; zeros where there is only one row or dimension."""
    centred = rows - rows.mean(axis=0)
    left, scale, _ = np.linalg.svd(centred, full_matrices=False)
    points = np.zeros((len(rows), 2), dtype=np.float32)
    points[:, : min(2, len(scale))] = (left * scale)[:, :2]
    return points


def _scaled(points: NDArray[np.float32]) -> NDArray[np.float32]:
    centred = points - (points.max(axis=0) + points.min(axis=0)) / 2
    return np.asarray(np.round(centred / (np.abs(centred).max() or 1.0), 4), dtype=np.float32)

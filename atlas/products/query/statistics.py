"""The statistics of two samples of documents: no reading, no SQL.

A chunk says little that its neighbours do not, so **the document is what is drawn**; its chunks are a cluster.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, pearson3

Array = np.ndarray


@dataclass(frozen=True, slots=True)
class Group:
    """Sums over the documents of one side, float64 [concepts]: ``n`` are its chunks, ``y`` those with a concept.

    ``documents``, ``chunks`` and ``chunks_squared`` are of the whole side; ``chunks_cubed`` too.
    """

    documents: float
    chunks: float
    chunks_squared: float
    chunks_cubed: float
    carrying: Array  # documents with the concept at all
    y: Array
    yy: Array
    yn: Array
    yyy: Array
    yyn: Array
    ynn: Array

    @property
    def share(self) -> Array:
        """Share of the chunks that carry the concept: the ratio estimator of cluster sampling."""
        return self.y / self.chunks

    def squared_residuals(self, share: Array) -> Array:
        """Sum over documents of (y - share × n)²."""
        return self.yy - 2 * share * self.yn + share**2 * self.chunks_squared

    def cubed_residuals(self, share: Array) -> Array:
        """Sum over documents of (y - share × n)³."""
        return self.yyy - 3 * share * self.yyn + 3 * share**2 * self.ynn - share**3 * self.chunks_cubed


def permutation_p(a: Group, b: Group) -> Array:
    """Two-sided p-values of the hypothesis that it is chance which documents are on which side, float64 [concepts].

    The statistic is the sum over side A of a document's chunks with the concept less those expected of its length. Its
    mean, variance and skewness under all permutations of documents are known exactly; a Pearson type III distribution
    with these stands for it (Mielke and Berry, Permutation Methods, 2nd ed. 2007, ch. 2). No permutation is drawn, so
    small p-values can be told apart.
    """
    documents = a.documents + b.documents
    share = (a.y + b.y) / (a.chunks + b.chunks)
    observed = a.y - share * a.chunks
    squares = a.squared_residuals(share) + b.squared_residuals(share)
    cubes = a.cubed_residuals(share) + b.cubed_residuals(share)
    product = a.documents * b.documents
    variance = product / (documents * (documents - 1)) * squares
    third = product * (b.documents - a.documents) / (documents * (documents - 1) * max(1, documents - 2)) * cubes
    with np.errstate(divide="ignore", invalid="ignore"):
        z = observed / np.sqrt(variance)
        skewness = third / variance**1.5
    z, skewness = np.nan_to_num(z), np.nan_to_num(skewness)
    one_sided = np.where(z > 0, pearson3.sf(z, skewness), pearson3.cdf(z, skewness))
    return np.minimum(1.0, 2 * one_sided)


def difference_interval(a: Group, b: Group, confidence: float = 0.95) -> tuple[Array, Array]:
    """Confidence interval of the difference of two shares (A - B), float64 [concepts] each.

    Newcombe's hybrid score interval (Statistics in Medicine 17, 1998, method 10), on effective sample sizes: the chunks
    over the design effect, by which clustering multiplies the variance of a share (Rao and Scott, Biometrics 48, 1992).
    """
    z = float(norm.ppf((1 + confidence) / 2))
    low_a, high_a = _score_interval(a, b, z)
    low_b, high_b = _score_interval(b, a, z)
    difference = a.share - b.share
    low = difference - np.sqrt((a.share - low_a) ** 2 + (high_b - b.share) ** 2)
    high = difference + np.sqrt((high_a - a.share) ** 2 + (b.share - low_b) ** 2)
    return low, high


def _score_interval(group: Group, other: Group, z: float) -> tuple[Array, Array]:
    """Wilson's interval of a share, at the effective sample size."""
    share, size = group.share, group.chunks / design_effect(group, other)
    middle = (share + z**2 / (2 * size)) / (1 + z**2 / size)
    half = z / (1 + z**2 / size) * np.sqrt(share * (1 - share) / size + z**2 / (4 * size**2))
    return np.maximum(0, middle - half), np.minimum(1, middle + half)


def design_effect(group: Group, other: Group) -> Array:
    """Variance of a share of chunks over what it were if chunks were drawn one by one; at least 1.

    The larger of the group's own and that of both groups together: from few documents with the concept the own one
    comes out too small. In simulations, intervals of 95 % then held the truth in 93 to 97 % of draws (by the own one
    alone: 90 to 95 %).
    """
    effects = []
    for share, squares, documents, chunks in (
        (group.share, group.squared_residuals(group.share), group.documents, group.chunks),
        _both(group, other),
    ):
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = documents / max(1.0, documents - 1) * squares / chunks**2
            effects.append(variance / (share * (1 - share) / chunks))
    return np.maximum.reduce([np.ones(len(group.y)), *(np.nan_to_num(effect, posinf=1.0) for effect in effects)])


def _both(a: Group, b: Group) -> tuple[Array, Array, float, float]:
    chunks = a.chunks + b.chunks
    share = (a.y + b.y) / chunks
    return share, a.squared_residuals(share) + b.squared_residuals(share), a.documents + b.documents, chunks


def false_discovery(p: Array) -> Array:
    """q-values: the false discovery rate at which each would still be a discovery.

    Benjamini and Hochberg, Journal of the Royal Statistical Society B 57, 1995.
    """
    order = np.argsort(p)
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    q = np.empty(len(p))
    q[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return q


def log_likelihood(here: Array, of_here: float, elsewhere: Array, of_elsewhere: float) -> Array:
    """Dunning's G² that two shares are one, signed: positive where ``here`` has more, float64.

    Dunning, Computational Linguistics 19, 1993. A measure of how much a difference weighs, for ranking; as a test it
    would take chunks of one document for independent.
    """
    both = here + elsewhere
    total = of_here + of_elsewhere
    g = np.zeros(len(here))
    for carried, chunks in ((here, of_here), (elsewhere, of_elsewhere)):
        g += _term(carried, both * chunks / total) + _term(chunks - carried, (total - both) * chunks / total)
    return np.where(here / of_here >= elsewhere / of_elsewhere, 2 * g, -2 * g)


def _term(observed: Array, expected: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(observed > 0, observed * np.log(observed / expected), 0.0)

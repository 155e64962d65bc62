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


def difference_p(a: Group, b: Group) -> Array:
    """Two-sided p-values that a concept's share of chunks is the same on both sides, float64 [concepts].

    The adjusted chi-squared test for clusters of any sizes (Donner and Donald, Statistics in Medicine 7, 1988): under
    the hypothesis both sides have one share and one correlation within documents, and each side's variance follows from
    these and from the lengths of its own documents. As many concepts are rare, the longer tail is not a normal's but
    that of a Pearson type III distribution with the skewness of such counts. In simulations of even and uneven sides,
    long and short documents, rare and frequent concepts, p < 0.05 came up in 0.5 to 6 % of draws without a difference,
    and p < 0.001 in at most 0.13 %. Shuffling documents between the sides would not do: it takes long and short ones
    for the same.
    """
    together = _Pooled.of(a, b)
    variance = together.variance(a) + together.variance(b)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.nan_to_num((a.share - b.share) / np.sqrt(variance))
        skewness = np.nan_to_num((together.third(a) - together.third(b)) / variance**1.5)
    longer = np.maximum(0, skewness * np.sign(z))  # the short tail would end too soon: a normal's is used there
    return np.minimum(1.0, 2 * pearson3.sf(np.abs(z), longer))


@dataclass(frozen=True, slots=True)
class _Pooled:
    """What two sides have in common where they do not differ, float64 [concepts].

    ``correlation`` is that of two chunks of a document: the sides' own, weighted by documents with the concept, so that
    long documents without it do not hide it. ``skew`` scales the third moments.
    """

    share: Array
    correlation: Array
    skew: Array

    @classmethod
    def of(cls, a: Group, b: Group) -> "_Pooled":
        share = (a.y + b.y) / (a.chunks + b.chunks)
        cubes = a.cubed_residuals(share) + b.cubed_residuals(share)
        own = np.stack([_correlation(a), _correlation(b)]) * np.stack([a.carrying, b.carrying])
        correlation = own.sum(0) / np.maximum(1, a.carrying + b.carrying)
        skew = cubes / (_third(a, correlation) + _third(b, correlation))
        return cls(share, correlation, skew)

    def design_effect(self, group: Group) -> Array:
        return 1 + self.correlation * (group.chunks_squared / group.chunks - 1)

    def variance(self, group: Group) -> Array:
        """Of a side's share of chunks."""
        return self.share * (1 - self.share) * self.design_effect(group) / group.chunks

    def third(self, group: Group) -> Array:
        """Third central moment of a side's share of chunks."""
        return self.skew * _third(group, self.correlation) / group.chunks**3


def _correlation(group: Group) -> Array:
    """Correlation of two chunks of a document: how much oftener those beside a chunk with the concept have it too."""
    with np.errstate(divide="ignore", invalid="ignore"):
        mates = (group.yy - group.y) / (group.yn - group.y)
        return np.clip(np.nan_to_num((mates - group.share) / (1 - group.share)), 0, 1)


def _third(group: Group, correlation: Array) -> Array:
    """How the third moment of the chunks with a rare concept grows with documents' lengths, up to a factor.

    That of Poisson counts whose rates differ between documents by a gamma distribution (the negative binomial).
    """
    once, twice = 3 * correlation * group.chunks_squared, 2 * correlation**2 * group.chunks_cubed
    return group.chunks + once + twice


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

    The larger of the group's own and the one that the correlation within documents of both groups gives it: from few
    documents with the concept the own one comes out too small. So intervals of 95 % held the truth in 95 to 97 % of
    draws in simulations.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = group.documents / max(1.0, group.documents - 1) / group.chunks
        own = scale * group.squared_residuals(group.share) / (group.share * (1 - group.share))
    return np.maximum(np.nan_to_num(own, posinf=1.0), _Pooled.of(group, other).design_effect(group))


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

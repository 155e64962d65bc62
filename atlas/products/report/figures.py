"""Shapes of the drawn figures: from counts to positions in an SVG of fixed size."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from atlas.products.report.data import ConceptRow
from atlas.products.report.numbers import THIN, count

WIDTH, HEIGHT = 480, 330
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 26, 38
STEPS = 24  # points drawn for each factor of ten of a logarithmic axis; more can't be seen
MOST_POINTS = 1_500  # concepts in the quality figure; best supported first
LAST_BIN = 40  # labels a chunk from here on share one bar
SPREAD = 0.8  # share of the gap between whole numbers over which equal supports are spread


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale from data to pixels, with the values to mark."""

    low: float
    high: float
    start: float
    stop: float
    log: bool
    ticks: tuple[tuple[float, str], ...]

    def __call__(self, value: float) -> float:
        low, high, at = (math.log10(v) if self.log else v for v in (self.low, self.high, value))
        return round(self.start + (self.stop - self.start) * (at - low) / (high - low), 1)

    @property
    def marks(self) -> list[tuple[float, str]]:
        return [(self(value), text) for value, text in self.ticks]


@dataclass(frozen=True, slots=True)
class Curve:
    """A line of one facet."""

    facet: str
    path: str
    concepts: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a histogram, in pixels, with what it says."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A concept in the quality figure."""

    x: float
    y: float
    facet: str
    id: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Axes and what stands between them."""

    x: Axis
    y: Axis
    curves: tuple[Curve, ...] = ()
    bars: tuple[Bar, ...] = ()
    dots: tuple[Dot, ...] = ()
    line: float | None = None


def _log_axis(high: float, start: float, stop: float, low: float = 0.9) -> Axis:
    top = max(high, 10) * 1.15
    ticks = [10**power for power in range(math.floor(math.log10(top)) + 1)]
    return Axis(low, top, start, stop, True, tuple((tick, _short(tick)) for tick in ticks))


def _linear_axis(low: float, high: float, start: float, stop: float, marks: int = 5) -> Axis:
    step = _step((high - low) / marks)
    ticks = [low + step * index for index in range(int((high - low) / step + 1e-9) + 1)]
    return Axis(low, high, start, stop, False, tuple((tick, _short(tick)) for tick in ticks))


def _step(rough: float) -> float:
    power = 10 ** math.floor(math.log10(rough))
    return max(1, next(power * m for m in (1, 2, 5, 10) if power * m >= rough * 0.999))


def _short(value: float) -> str:
    for size, letter in ((10**9, "B"), (10**6, "M"), (10**4, "k")):
        if value >= size:
            unit = 1000 if letter == "k" else size
            return f"{value / unit:g}{letter}"
    return count(value)


def _x(low: float, high: float, log: bool = False) -> Axis:
    ends = (LEFT, WIDTH - RIGHT)
    return _log_axis(high, *ends) if log else _linear_axis(low, high, *ends, marks=8)


def _y(high: float, log: bool = False) -> Axis:
    ends = (HEIGHT - BOTTOM, TOP)
    return _log_axis(high, *ends) if log else _linear_axis(0, max(high, 1), *ends)


def rank_frequency(by_facet: Mapping[str, Sequence[ConceptRow]]) -> Chart | None:
    """How many chunks carry the concept of each rank, both logarithmic, a line for each facet."""
    counts = {facet: [c.chunks for c in rows if c.chunks] for facet, rows in by_facet.items()}
    longest = max((len(values) for values in counts.values()), default=0)
    if not longest:
        return None
    x, y = _x(0, longest, log=True), _y(max(values[0] for values in counts.values() if values), log=True)
    curves = tuple(
        Curve(facet, _path((x(rank), y(values[rank - 1])) for rank in _ranks(len(values))), len(values))
        for facet, values in counts.items()
        if values
    )
    return Chart(x, y, curves=curves)


def _ranks(last: int) -> list[int]:
    """All small ranks, then ever fewer, and the last."""
    spread = (round(10 ** (step / STEPS)) for step in range(int(math.log10(last) * STEPS) + 1))
    return sorted({*spread, last})


def _path(points: Iterable[tuple[float, float]]) -> str:
    listed = [f"{x:g},{y:g}" for x, y in points]
    return f"M{'L'.join(listed * 2 if len(listed) == 1 else listed)}"


def coverage(concepts: Sequence[ConceptRow]) -> Chart | None:
    """Share of all labels that the first concepts take together; ``concepts`` are most frequent first."""
    sums = list(itertools.accumulate(c.chunks for c in concepts if c.chunks))
    if not sums:
        return None
    x, y = _x(0, len(sums), log=True), _rate_axis()
    path = _path((x(rank), y(sums[rank - 1] / sums[-1])) for rank in _ranks(len(sums)))
    return Chart(x, y, curves=(Curve("total", path, len(sums)),))


def _rate_axis() -> Axis:
    ticks = tuple((quarter / 4, f"{25 * quarter}{THIN}%") for quarter in range(5))
    return Axis(0, 1, HEIGHT - BOTTOM, TOP, False, ticks)


def labels_histogram(bins: Sequence[tuple[int, int]]) -> Chart | None:
    """Chunks by number of labels; from LAST_BIN on they share a bar. The line marks the mean."""
    total = sum(number for _, number in bins)
    if not total:
        return None
    merged: dict[int, int] = {}
    for value, number in bins:
        merged[min(value, LAST_BIN)] = merged.get(min(value, LAST_BIN), 0) + number
    mean = sum(value * number for value, number in bins) / total
    named = {
        value: f"{count(number)} chunks with {value}{' or more' if value == LAST_BIN else ''} labels"
        for value, number in merged.items()
    }
    return _histogram(merged, named, width=1, line=mean + 0.5, shift=0.5)


def tokens_histogram(bins: Sequence[tuple[int, int]]) -> Chart | None:
    """Chunks by number of tokens, in bins of ten; the line marks the mean of the bins."""
    total = sum(number for _, number in bins)
    if not total:
        return None
    last = 400
    merged: dict[int, int] = {}
    for value, number in bins:
        merged[min(value, last)] = merged.get(min(value, last), 0) + number
    named = {
        value: f"{count(n)} chunks with {value} {'or more' if value == last else f'to {value + 9}'} tokens"
        for value, n in merged.items()
    }
    return _histogram(merged, named, width=10, line=None, shift=0)


def _histogram(
    values: Mapping[int, int], named: Mapping[int, str], *, width: int, line: float | None, shift: float
) -> Chart:
    x = _x(0, max(values) + width)
    y = _y(max(values.values()) * 1.05)
    gap = 1.0 if max(values) / width > 20 else 2.0
    bars = tuple(
        Bar(
            x(value) + gap / 2,
            y(number),
            round(x(value + width) - x(value) - gap, 1),
            round(y(0) - y(number), 1),
            named[value],
        )
        for value, number in sorted(values.items())
    )
    marks = tuple((tick + shift, text) for tick, text in x.ticks if tick + shift <= x.high)
    moved = Axis(x.low, x.high, x.start, x.stop, False, marks)
    return Chart(moved, y, bars=bars, line=None if line is None else x(min(line, x.high)))


def quality_by_support(concepts: Sequence[ConceptRow]) -> Chart | None:
    """F1 of concepts over the number of held-out chunks that carry them."""
    judged = [(c, c.quality) for c in concepts if c.quality and c.quality.f1 is not None and c.quality.support]
    if not judged:
        return None
    judged.sort(key=lambda pair: (-pair[1].support, pair[0].id))
    x = _log_axis(judged[0][1].support, LEFT, WIDTH - RIGHT, low=0.55)
    y = _rate_axis()
    dots = tuple(Dot(x(q.support + _aside(c.id)), y(q.f1 or 0.0), c.facet, c.id) for c, q in judged[:MOST_POINTS])
    medians = _medians([(q.support, q.f1 or 0.0) for _, q in judged])
    path = _path((x(support), y(f1)) for support, f1 in medians) if len(medians) > 1 else ""
    return Chart(x, y, curves=(Curve("median", path, len(judged)),) if path else (), dots=dots)


def _aside(id_: int) -> float:
    """A fixed small step to either side, so that concepts of equal support do not hide each other."""
    return ((id_ * 0.6180339887) % 1 - 0.5) * SPREAD


def _medians(points: Sequence[tuple[int, float]]) -> list[tuple[float, float]]:
    """Median F1 of concepts in doubling ranges of support, at the middle of each range."""
    ranges: dict[int, list[float]] = {}
    for support, f1 in points:
        ranges.setdefault(support.bit_length() - 1, []).append(f1)
    return [
        (2 ** (power + 0.5) if power else 1.0, sorted(values)[len(values) // 2])
        for power, values in sorted(ranges.items())
        if len(values) >= 3
    ]

"""How far a run is, in numbers: what was done since it started, how fast, and how long the rest will take."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from atlas.runner.counts import Counts
from atlas.runner.plan import Plan


@dataclass(frozen=True, slots=True)
class Tally:
    """``todo``, ``done``, ``weight`` and ``counts`` are of this sitting; ``before`` is what earlier ones had done.

    A unit weighs as many bytes as its input has (one where that is not known), so that the time left does not depend
    on the order in which large and small units come. Times are seconds of a monotonic clock. Rates are up to the last
    unit: between two units they would only fall.
    """

    units: int
    before: int
    todo: int
    weight_todo: int
    started: float
    last: float
    done: int = 0
    weight: int = 0
    counts: Counts = field(default_factory=Counts)

    def and_unit(self, weight: int, counts: Counts, now: float) -> "Tally":
        return replace(self, done=self.done + 1, weight=self.weight + weight, counts=self.counts + counts, last=now)

    @property
    def over(self) -> bool:
        return self.done >= self.todo

    @property
    def by_chunk(self) -> bool:
        """Whether records are chunks, as in a tag run, and not documents."""
        return bool(self.counts.sums)

    @property
    def tokens(self) -> int:
        """Tokens of chunks; of a tag run those that the LLM read and wrote."""
        sums = self.counts.sums
        asked = sums.get("prompt_tokens", 0) + sums.get("completion_tokens", 0)
        return asked or self.counts.tokens

    def rate(self, amount: float) -> float | None:
        """``amount`` a second; None before the first unit."""
        seconds = self.last - self.started
        return amount / seconds if self.done and seconds > 0 else None

    def left(self, now: float) -> float | None:
        """Seconds until the last unit, at the pace so far; None before the first unit, or where no pace shows."""
        pace = self.rate(self.weight)
        if self.over:
            return 0.0
        if not pace:
            return None
        return max(0.0, (self.weight_todo - self.weight) / pace - (now - self.last))


def begun(planned: Plan, now: float) -> Tally:
    """The tally of a run that has its plan and no unit yet."""
    weights = weights_of(planned)
    return Tally(len(planned.tasks), len(planned.done), len(planned.todo), sum(weights.values()), now, now)


def weights_of(planned: Plan) -> Mapping[str, int]:
    """What each unit that is to be done weighs."""
    return {task.unit.name: max(1, task.unit.bytes) for task in planned.todo}

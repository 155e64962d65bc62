"""What a tag run has cost. Tokens are in its parts; the time that each unit took is noted beside them, as a part's
bytes must not depend on it."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atlas.llm.costs import Prices

SECONDS = "seconds.jsonl"


@dataclass(frozen=True, slots=True)
class Spent:
    """Of a whole run, earlier sittings included. ``money`` is None where no price is set."""

    chunks: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    money: float | None


def spent(chunks: int, sums: Mapping[str, int], seconds: float, prices: Prices) -> Spent:
    """What so many chunks cost, from the sums of their token columns and the time they took."""
    prompt, completion = sums.get("prompt_tokens", 0), sums.get("completion_tokens", 0)
    money = prices.of(prompt, completion, seconds) if prices.given else None
    return Spent(chunks, prompt, completion, seconds, money)


def noting(
    run: Path, watch: Callable[[str, Any], None] | None, clock: Callable[[], float] = time.perf_counter
) -> Callable[[str, Any], None]:
    """A watch that notes the time since the unit before, or since now, in the run's folder, then calls ``watch``.

    Several workers are at work at once: then it is not what the unit took, but the sum is what the run took.
    """
    last = clock()

    def watched(unit: str, counts: Any) -> None:
        nonlocal last
        now = clock()
        with (run / SECONDS).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"unit": unit, "seconds": round(now - last, 3)}) + "\n")
        last = now
        if watch is not None:
            watch(unit, counts)

    return watched


def noted_seconds(run: Path, units: Iterable[str]) -> float:
    """Seconds that these units took, when each was last made; those of which there is no note take none."""
    path = run / SECONDS
    noted: dict[str, float] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            note = json.loads(line)
        except ValueError:  # a kill may cut the last line short
            continue
        noted[note["unit"]] = note["seconds"]
    return sum(noted.get(unit, 0.0) for unit in units)

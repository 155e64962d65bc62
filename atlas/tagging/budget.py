"""How many chunks a budget pays for. Arithmetic alone: what a chunk costs is found out in probe.py."""

from dataclasses import dataclass
from typing import Literal

from atlas.errors import AtlasError
from atlas.llm.costs import Prices
from atlas.tagging.config import SampleConfig

DEFAULT_CHUNKS = 1000
Limit = Literal["chunks", "tokens", "minutes", "money", "corpus"]


@dataclass(frozen=True, slots=True)
class ChunkCost:
    """What one chunk costs, on average; None is not known.

    Tokens are those that the engine counts: an engine that works out the static part of a prompt once does not
    count it again for each chunk; a server that bills it for each counts it for each.
    """

    prompt_tokens: float | None = None
    completion_tokens: float | None = None
    seconds: float | None = None
    money: float | None = None
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Budget:
    """A number of chunks, and which limit decided it."""

    chunks: int
    decided_by: Limit


@dataclass(frozen=True, slots=True)
class Probed:
    """What tagging a few chunks took."""

    chunks: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float


def cost_of(probed: Probed, prices: Prices, chunks_per_s: float | None = None) -> ChunkCost:
    """What a chunk costs on average, from a probe; at ``chunks_per_s`` where the rate is known otherwise."""
    seconds = 1 / chunks_per_s if chunks_per_s else probed.seconds / probed.chunks
    prompt, completion = probed.prompt_tokens / probed.chunks, probed.completion_tokens / probed.chunks
    money = prices.of(prompt, completion, seconds) if prices.given else None
    rate = "the rate from the settings" if chunks_per_s else "all measured"
    return ChunkCost(prompt, completion, seconds, money, f"{probed.chunks} chunks were tagged to find out; {rate}")


def is_counted(sample: SampleConfig) -> bool:
    """Whether the budget is in chunks alone, so that nothing need be known of the engine."""
    return sample.tokens is None and sample.minutes is None and sample.money is None


def affordable(sample: SampleConfig, cost: ChunkCost | None = None) -> Budget:
    """The most chunks for which no limit is exceeded, at least one.

    Raises:
        AtlasError: a limit is in something of which the cost of a chunk is not known.
    """
    limits: dict[Limit, float] = {}
    if sample.chunks is not None or is_counted(sample):
        limits["chunks"] = sample.chunks or DEFAULT_CHUNKS
    if not is_counted(sample):
        limits |= _measured(sample, cost or ChunkCost())
    decided_by = min(limits, key=lambda limit: limits[limit])
    return Budget(max(1, int(limits[decided_by] + 1e-6)), decided_by)


def _measured(sample: SampleConfig, cost: ChunkCost) -> dict[Limit, float]:
    limits: dict[Limit, float] = {}
    if sample.tokens is not None:
        if cost.prompt_tokens is None or cost.completion_tokens is None:
            raise AtlasError(f"sample.tokens: how many tokens a chunk takes is not known ({cost.basis}); use chunks")
        limits["tokens"] = sample.tokens / max(1.0, cost.prompt_tokens + cost.completion_tokens)
    if sample.minutes is not None:
        if not cost.seconds:
            raise AtlasError(f"sample.minutes: the rate is not known ({cost.basis}); set engine.chunks_per_s")
        limits["minutes"] = sample.minutes * 60 / cost.seconds
    if sample.money is not None:
        if not cost.money:
            raise AtlasError(
                "sample.money: a chunk has no price; set engine.price_per_hour, or for a server that bills tokens "
                f"engine.price_per_million_input and engine.price_per_million_output {cost.basis and f'({cost.basis})'}"
            )
        limits["money"] = sample.money / cost.money
    return limits

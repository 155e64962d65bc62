"""What tagging will come to, before anything is spent. Arithmetic alone."""

from dataclasses import dataclass

from atlas.tagging.budget import Budget, ChunkCost, Limit, affordable
from atlas.tagging.config import SampleConfig


@dataclass(frozen=True, slots=True)
class Estimate:
    """Chunks, tokens, seconds and money of a tag run; None is not known, or has no price.

    ``decided_by`` says which limit is reached first: one of the budget's, or that the corpus has no more chunks.
    ``basis`` says what the numbers rest on.
    """

    chunks: int
    decided_by: Limit
    prompt_tokens: int | None
    completion_tokens: int | None
    seconds: float | None
    money: float | None
    basis: str


def estimate(sample: SampleConfig, available: int, cost: ChunkCost) -> Estimate:
    """What tagging costs of a corpus that has about ``available`` chunks to offer.

    Raises:
        AtlasError: a limit is in something of which the cost of a chunk is not known.
    """
    budget = affordable(sample, cost)
    if available < budget.chunks:
        budget = Budget(available, "corpus")
    chunks = budget.chunks
    return Estimate(
        chunks=chunks,
        decided_by=budget.decided_by,
        prompt_tokens=_rounded(cost.prompt_tokens, chunks),
        completion_tokens=_rounded(cost.completion_tokens, chunks),
        seconds=None if cost.seconds is None else cost.seconds * chunks,
        money=None if cost.money is None else cost.money * chunks,
        basis=cost.basis,
    )


def _rounded(each: float | None, chunks: int) -> int | None:
    return None if each is None else round(each * chunks)

"""Progress in words, for bars and logs."""

from atlas.cli import costs
from atlas.cli.progress.tally import Tally
from atlas.llm.costs import Prices
from atlas.tagging.spending import spent


def pace(tally: Tally, prices: Prices) -> str:
    """The rate in words; of an LLM's work its tokens, and at ``prices`` the money since the start."""
    seconds = tally.last - tally.started
    records, tokens = tally.rate(tally.counts.records_in), tally.rate(tally.tokens)
    if records is None or tokens is None:
        return ""
    if tally.by_chunk:
        found = spent(tally.counts.records_in, tally.counts.sums, seconds, prices)
        text = costs.rate(found.chunks, tally.tokens, seconds)
        return text if found.money is None else f"{text}, money {costs.amount(found.money)}"
    return f"{records:,.1f} documents/s, {tokens:,.0f} tokens/s"


def quarantined(tally: Tally) -> str:
    return f"{tally.counts.quarantined:,} quarantined" if tally.counts.quarantined else ""


def left(tally: Tally, now: float) -> str:
    seconds = tally.left(now)
    return "" if not seconds else f"{costs.duration(seconds)} left"


def line(label: str, tally: Tally, prices: Prices, now: float) -> str:
    """All of it in one line."""
    kind = "chunks" if tally.by_chunk else "documents"
    parts = [
        f"{tally.before + tally.done:,} of {tally.units:,} units",
        f"{tally.counts.records_in:,} {kind}",
        f"{tally.tokens:,} tokens",
        pace(tally, prices),
        quarantined(tally),
        left(tally, now),
    ]
    return f"{label}: {', '.join(part for part in parts if part)}"

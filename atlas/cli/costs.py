"""How the cost of tagging is put in words: estimated, while it runs, and spent."""

from atlas.tagging.estimate import Estimate
from atlas.tagging.spending import Spent

DECIDED = {
    "chunks": "the limit in chunks",
    "tokens": "the limit in tokens",
    "minutes": "the limit in minutes",
    "money": "the limit in money",
    "corpus": "all that the corpus has to offer",
}


def estimated(found: Estimate) -> str:
    """An estimate, one line a quantity."""
    lines = [f"chunks     {_chunks(found)}: {DECIDED[found.decided_by]}"]
    lines += [f"{name:10} {text}" for name, text in _quantities(found)]
    return "\n".join([*lines, f"basis      {found.basis}", "nothing was written"])


def plan_lines(found: Estimate, engine: str) -> list[str]:
    """An estimate inside a plan."""
    texts = [text for _, text in _quantities(found) if text not in (UNKNOWN, UNPRICED)]
    lines = [f"tagging    up to {found.chunks:,} chunks with {engine}"]
    return [*lines, *(f"           {line}" for line in (", ".join(texts), f"({found.basis})") if line)]


UNKNOWN, UNPRICED = "not known", "no price is set"


def _chunks(found: Estimate) -> str:
    return f"about {found.chunks:,}" if found.decided_by != "chunks" else f"{found.chunks:,}"


def _quantities(found: Estimate) -> list[tuple[str, str]]:
    tokens = UNKNOWN
    if found.prompt_tokens is not None and found.completion_tokens is not None:
        tokens = f"about {found.prompt_tokens:,} of prompts + {found.completion_tokens:,} of answers"
    money = UNPRICED if found.money is None and found.seconds is not None else UNKNOWN
    return [
        ("tokens", tokens),
        ("time", UNKNOWN if found.seconds is None else f"about {duration(found.seconds)}"),
        ("money", money if found.money is None else f"about {amount(found.money)}"),
    ]


def spent(found: Spent) -> str:
    """Tokens, rate and money of a tag run; what is not known is left out."""
    tokens = found.prompt_tokens + found.completion_tokens
    texts = [f"{found.chunks:,} chunks"]
    if tokens:
        texts.append(f"{found.prompt_tokens:,} + {found.completion_tokens:,} tokens (prompts + answers)")
    if found.seconds > 0:
        texts.append(rate(found.chunks, tokens, found.seconds))
    if found.money is not None:
        texts.append(f"money {amount(found.money)}")
    return ", ".join(texts)


def rate(chunks: int, tokens: int, seconds: float) -> str:
    """Chunks and tokens a second."""
    if seconds <= 0:
        return ""
    return f"{chunks / seconds:,.1f} chunks/s" + (f", {tokens / seconds:,.0f} tokens/s" if tokens else "")


def amount(money: float) -> str:
    """Money with two decimals, or three digits where it is little. Which currency, only the user knows."""
    return f"{money:,.2f}" if money >= 1 or money == 0 else f"{money:.3g}"


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

"""Numbers as people write them."""

import math

THIN = "\u202f"  # narrow no-break space: keeps a number and its sign on one line
_LARGE = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"))


def count(value: float) -> str:
    """1234 -> 1,234."""
    return f"{value:,.0f}"


def large(value: float) -> str:
    """As ``count`` below ten million, then three figures and a word: 12.3 million."""
    if value < 10_000_000:
        return count(value)
    size, word = next((size, word) for size, word in _LARGE if value >= size)
    scaled = value / size
    return f"{scaled:,.{max(0, 2 - int(math.log10(scaled)))}f}\u00a0{word}"


def percent(value: float | None) -> str:
    """0.1234 -> 12.3 %; a share that is small but not zero is never shown as zero."""
    if value is None:
        return "–"
    if 0 < value < 0.001:
        return f"<{THIN}0.1{THIN}%"
    return f"{100 * value:.1f}{THIN}%"


def whole_percent(value: float) -> str:
    """0.126 -> 13 %."""
    return f"{100 * value:.0f}{THIN}%"


def decimal(value: float) -> str:
    """One place behind the point: 14.66 -> 14.7."""
    return f"{value:,.1f}"

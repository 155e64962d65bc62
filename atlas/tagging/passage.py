"""How a passage is shown to a language model: as data. Nothing in it can be taken for the prompt's own structure."""

import re
from collections.abc import Sequence

_RULE = re.compile(r"(?<!\S)(?:-{3,}|={3,}|#{2,}|\*{3,}|_{3,}|~{3,}|`{3,})(?!\S)")
SHOUTED = 0.7  # share of capitals among letters from which a passage is in capitals throughout
SHOUTED_LEAST = 20  # letters; "NASA" is not shouted


def shown(passage: str, chars: int, labels: Sequence[str]) -> str:
    """The beginning of a passage on one line, without rules across it and without the prompt's labels.

    White space is folded, so a passage can't end its own paragraph. ``labels`` are the words that the prompt writes
    with a colon behind them; in a passage they lose it. A passage all in capitals is shown in small letters, so that
    it gets the same tags.
    """
    text = " ".join(_RULE.sub(" ", " ".join(passage.split())).split())
    if labels:
        names = "|".join(re.escape(label) for label in labels)
        text = re.sub(rf"(?i)\b({names})\s*:", r"\1 -", text)
    return quiet(text)[:chars].rstrip()


def quiet(text: str) -> str:
    """The text in small letters, if it was written in capitals throughout."""
    letters = [character for character in text if character.isalpha()]
    capitals = sum(character.isupper() for character in letters)
    loud = len(letters) >= SHOUTED_LEAST and capitals > SHOUTED * len(letters)
    return text.lower() if loud else text

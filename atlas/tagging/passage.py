"""How a passage is shown to a language model: as data. Nothing in it can be taken for the prompt's own structure."""

import re
from collections.abc import Sequence

_RULE = re.compile(r"(?<!\S)(?:-{3,}|={3,}|#{2,}|\*{3,}|_{3,}|~{3,}|`{3,})(?!\S)")
# Sentences that speak to a model instead of a reader. What is left out here is still in the chunk's text.
_ORDER = re.compile(
    r"(?i)\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instructions?|prompts?|passage|text|above|previous|rules)\b"
    r"|\b(?:only|single|valid|exact|one) (?:valid )?(?:answer|word|reply|response|output|label|tag)s?\b"
    r"|\b(?:answer|reply|respond|output|print|say|tag|label)(?:ed|ged|led)?\b"
    r".{0,30}\b(?:with|only|just|exactly|nothing else)\b"
    r"|\b(?:labell?ing|language|tagging|ai) model\b.{0,60}\b(?:must|should|only|will)\b"
    r"|\bnew (?:task|instructions?)\s*:|^\W*(?:system|assistant|user|human)\s*:"
    r"|<\|[^|<>]{1,40}\|>|\[/?INST\]|<</?SYS>>|</?(?:s|eos|bos|passage|document|text|instructions?)>"
)
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n+")
LEFT_LEAST = 80  # characters: where less would be left, the passage is about such orders, and is shown whole
SHOUTED = 0.7  # share of capitals among letters from which a passage is in capitals throughout
SHOUTED_LEAST = 20  # letters; "NASA" is not shouted


def shown(passage: str, chars: int, labels: Sequence[str]) -> str:
    """The beginning of a passage on one line, without rules across it and without the prompt's labels.

    White space is folded, so a passage can't end its own paragraph. ``labels`` are the words that the prompt writes
    with a colon behind them; in a passage they lose it. A passage all in capitals is shown in small letters, so that
    it gets the same tags. Sentences that give orders to a model are left out.
    """
    text = " ".join(_RULE.sub(" ", " ".join(without_orders(passage).split())).split())
    if labels:
        names = "|".join(re.escape(label) for label in labels)
        text = re.sub(rf"(?i)\b({names})\s*:", r"\1 -", text)
    return quiet(text)[:chars].rstrip()


def without_orders(passage: str) -> str:
    """The passage without the sentences that give orders to a model, if enough is left of it then."""
    sentences = _SENTENCE.split(passage)
    for_readers = [sentence for sentence in sentences if not _ORDER.search(sentence)]
    left = "\n\n".join(for_readers)
    whole = len(for_readers) == len(sentences) or len(left.strip()) < LEFT_LEAST
    return passage if whole else left


def gives_orders(text: str) -> bool:
    """Whether a text speaks to a model instead of a reader."""
    return _ORDER.search(text) is not None


def quiet(text: str) -> str:
    """The text in small letters, if it was written in capitals throughout."""
    letters = [character for character in text if character.isalpha()]
    capitals = sum(character.isupper() for character in letters)
    loud = len(letters) >= SHOUTED_LEAST and capitals > SHOUTED * len(letters)
    return text.lower() if loud else text

"""Sentences of a corpus that say what a topic is ("Osmosis is the movement of water …").

Textbooks and reference works define their terms in set phrases (Hearst, "Automatic acquisition of hyponyms", 1992);
a definition by somebody who knows beats one put together from tags.
"""

import re
from collections.abc import Iterable

CHARS = range(40, 261)
_SENTENCES = re.compile(r"(?<=[.!?])\s+")
_ARTICLE = re.compile(r"(?:(?:an?|the) )?", re.IGNORECASE)
_DEFINES = re.compile(
    r"(?:e?s)?(?: \([^)]{1,40}\))?,? "
    r"(?:(?:is|are) (?:defined as |a kind of |a type of )?(?:an?|the|any|one of the) |refers? to |means )",
    re.IGNORECASE,
)
# What speaks of this text alone, or leans on what was said before, defines nothing.
_LEANS = re.compile(
    r"\b(?:we|our|us|i|you|your|this|these|those|it|its|they|their|he|she|his|her|here|above|below|following|such|former"
    r"|latter|paper|article|thesis|chapter|section|figure|table|example|same|only|main|most|best|key|important|problem"
    r"|question|reason|result|case|first|second|last|next|another|other)\b|[#|*_`$\\<>{}=\[\]]|https?:",
    re.IGNORECASE,
)


def definition(topic: str, passages: Iterable[str]) -> str:
    """The first sentence of the passages that defines the topic; empty where none does."""
    wanted = _plain(topic)
    for passage in passages:
        if wanted[:4] not in passage.lower():
            continue
        for sentence in _SENTENCES.split(passage):
            plain = " ".join(sentence.split())
            if len(plain) not in CHARS or not plain.endswith(".") or not plain[0].isupper():
                continue
            start = _ARTICLE.match(plain).end()  # type: ignore[union-attr]  # may be empty, so it always matches
            if _plain(plain[start : start + len(wanted)]) != wanted:
                continue
            if (defines := _DEFINES.match(plain, start + len(wanted))) and not _LEANS.search(plain, defines.end()):
                return plain
    return ""


def _plain(words: str) -> str:
    return words.lower().replace("-", " ")

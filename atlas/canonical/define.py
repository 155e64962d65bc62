"""Sentences of a corpus that say what a topic is ("Osmosis is the movement of water …").

Textbooks and reference works define their terms in set phrases (Hearst, "Automatic acquisition of hyponyms", 1992);
a definition by somebody who knows beats one put together from tags.
"""

import re
from collections.abc import Iterable

CHARS = range(40, 261)
_SENTENCES = re.compile(r"(?<=[.!?])\s+")
_DEFINES = (
    r"(?:is|are)\s+(?:defined\s+as\s+|a\s+kind\s+of\s+|a\s+type\s+of\s+)?(?:an?|the|any|one\s+of\s+the)\s"
    r"|refers?\s+to\s|means\s"
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
    words = re.escape(topic).replace(r"\ ", r"[\s-]+")
    begins = rf"(?:(?:an?|the)\s+)?{words}(?:e?s)?(?:\s+\([^)]{{1,40}}\))?,?\s+(?:{_DEFINES})"
    defines = re.compile(begins, re.IGNORECASE)
    for passage in passages:
        if topic.casefold()[:4] not in passage.casefold():
            continue
        for sentence in _SENTENCES.split(passage):
            plain = " ".join(sentence.split())
            if len(plain) not in CHARS or not plain.endswith(".") or not plain[0].isupper():
                continue
            if (start := defines.match(plain)) and not _LEANS.search(plain[start.end() :]):
                return plain
    return ""

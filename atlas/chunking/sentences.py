"""Where sentences end, by rule.

Written for running prose in scripts with sentence punctuation. Abbreviations, initials, decimals and list
numbers do not end a sentence; a full stop counts only where white space or a wide character follows.
"""

import re
from collections.abc import Iterator

_ABBREVIATIONS = frozenset(
    (
        "mr mrs ms dr prof rev gen sen rep gov st jr sr vs etc al cf eg ie viz approx est dept univ fig figs eq "
        "eqs sec ch chap vol no nos pp ed eds trans inc ltd co corp jan feb mar apr jun jul aug sep sept oct nov "
        "dec mt ft capt col lt sgt maj hon pres supt resp ca"
    ).split()
)

_END = re.compile(
    r"""
    (?<![.!?…]) (?P<mark>[.!?…]++) (?P<close>["'”’»)\]*_`]*) (?P<gap>\s+) (?=(?P<next>\S))
    | [。！？｡]+ [”’」』）]* (?P<wide>\s*) (?=\S)
    """,
    re.VERBOSE,
)
_LAST_WORD = re.compile(r"([^\W\d_]+(?:\.[^\W\d_]+)*)$")

NEARBY = 24  # characters before a full stop that are looked at: no abbreviation or list number is longer


def cut_before(text: str, start: int, end: int) -> int:
    """Where to cut the white space ``text[start:end]``: behind its last newline, else in front of it.

    That keeps blank lines with what they follow and a word's space with the word, as byte-level BPE
    tokenizers do, so that cutting the text cuts its tokens.
    """
    newline = max(text.rfind("\n", start, end), text.rfind("\r", start, end))
    return start if newline < 0 else newline + 1


def sentence_cuts(text: str, start: int, end: int) -> Iterator[int]:
    """Positions inside ``text[start:end]`` at which a new sentence begins, in order."""
    for match in _END.finditer(text, start, end):
        if match["mark"] is None:
            gap_start, gap_end = match.span("wide")
            yield cut_before(text, gap_start, gap_end)
        elif _ends_sentence(text, match, start):
            gap_start, gap_end = match.span("gap")
            yield cut_before(text, gap_start, gap_end)


def _ends_sentence(text: str, match: re.Match[str], start: int) -> bool:
    following = match["next"]
    if match["mark"] != ".":
        return not following.islower()
    if following.islower() or following in ",;:)":
        return False
    nearby = text[max(start, match.start() - NEARBY) : match.start()]
    before = _LAST_WORD.search(nearby)
    if before is None:
        # "3. Mix": a number alone at the start of a line is a list mark, not a sentence.
        return not nearby.rpartition("\n")[2].strip().isdigit()
    word = before[1]
    if match["close"]:
        return True
    if word.lower().replace(".", "") in _ABBREVIATIONS:
        return False
    if "." in word:  # "e.g.", "U.S.": a sentence may end there, but more often does not
        return False
    return not (len(word) == 1 and word.isupper() and word != "I")

"""Phrases of a passage that may be what it is about: runs of words between stop words and punctuation.

The oldest trick of keyword extraction (Rose et al., "Automatic keyword extraction from individual documents", 2010).
It finds candidates only; which of them are kept is decided in ``choose.py``.
"""

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from atlas.library.names import normal_form

WORDS_MOST = 3  # longer phrases are clauses; of the keywords that people give, 95 % have at most three words
PHRASES_MOST = 30  # of a passage, where a prompt does not say; with 60, what is kept hardly changes

_WORD = re.compile(r"[^\W_]+(?:[-'’.+#][^\W_]+)*[+#]*")
_BREAK = re.compile(r"[.,;:!?]+(?=\s|$)|[()\[\]{}\"“”|<>=/\\*`~^$]+|\s[-–—]+\s|\n\s*\n")
# Words of program text: maxTillNow, nums.len, struct_pack, and what stands in front of names in code.
_PROGRAM = re.compile(
    r"[a-z]+[A-Z]|.*\w\.\w|.*_|(?:char|const|def|enum|fn|func|impl|int|let|mut|nil|null|pub|self|var|void)$"
)
_POSSESSIVE = re.compile("['’]s?$")
_HAS_LETTERS = re.compile(r"[^\W\d_]{2}|[^\W\d_][+#]")
# Words of scholarly and web prose that are never a topic by themselves, beside the usual stop words.
_EMPTY = frozenset(
    """
    aim aims approach approaches article articles author authors base based book case cases chapter chapters come
    consider considered different discuss discussed discusses does don doing examine examined examines example examples
    far figure general given good great high important include included includes including introduce introduces kind
    large let like long low main make makes making mainly method methods need needs new non number old order paper
    papers particular possible present presented presents problem problems propose proposed proposes provide provided
    provides purpose question questions really related research result results second section set several short show
    showed shown shows significant similar simple small specific study studied studies table term terms thesis thing
    things three time times try two type types use used useful user users uses using various ve want way ways work
    works year years
    """.split()
)


@lru_cache(maxsize=1)
def stop_words() -> frozenset[str]:
    """Words that no phrase holds, in small letters."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS  # takes a second to import, which --help need not

    return ENGLISH_STOP_WORDS | _EMPTY


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase as it stands in the passage, how often, and where first: 0 at the start, 1 at the end."""

    text: str
    count: int
    first: float


def phrases(passage: str, most: int = PHRASES_MOST) -> dict[str, Phrase]:
    """The likeliest phrases of a passage by their normal form: frequent, long and early ones come first."""
    counts: Counter[str] = Counter()
    first: dict[str, int] = {}
    spelt: dict[str, str] = {}
    position = 0
    for segment in _BREAK.split(passage):
        for run in _runs(segment):
            for start in range(len(run)):
                for stop in range(start + 1, min(start + WORDS_MOST, len(run)) + 1):
                    text = " ".join(run[start:stop])
                    form = normal_form(text)
                    counts[form] += 1
                    first.setdefault(form, position + start)
                    spelt.setdefault(form, text)
            position += len(run) + 1
    counts.pop("", None)
    end = max(position, 1)

    def weight(form: str) -> float:
        return counts[form] * (1 + 0.5 * form.count(" ")) + 1 - first[form] / end

    best = sorted(counts, key=lambda form: (-weight(form), first[form]))[:most]
    return {form: Phrase(spelt[form], counts[form], first[form] / end) for form in best}


def _runs(segment: str) -> list[list[str]]:
    """Words that stand together, with no stop word, number, single letter or piece of a program between them."""
    runs: list[list[str]] = [[]]
    for number, word in enumerate(_WORD.findall(segment)):
        word = _POSSESSIVE.sub("", word)
        if word.lower() in stop_words() or not _HAS_LETTERS.search(word) or _PROGRAM.match(word):
            runs.append([])
            continue
        # A capital at the start of a segment is mostly the sentence's, not the word's.
        runs[-1].append(word.lower() if number == 0 and word.istitle() else word)
    return [run for run in runs if run]


def words_of(passage: str) -> Counter[str]:
    """How often each word stands in a passage, by normal form."""
    return Counter(normal_form(word) for word in _WORD.findall(passage))

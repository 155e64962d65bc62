"""Names of one thing that no spelling shows: k8s is Kubernetes, a heart attack a myocardial infarction.

``lexicon/`` holds them as people wrote them down from general knowledge, a file for each field, a line for each thing:
its usual name and the others, with ``|`` between them. ``?`` stands before a name that often means something else, such
as most initials. A name on two lines is such a one too.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np

from atlas.canonical.strings import Strings, word_lists

PART_MOST = 3  # words of a part of a name that may be replaced
SHORTEST_PART = 3  # letters; shorter parts stand for too much
FOLLOWED = "x"
ALONE, SEVERAL, PART = 3, 2, 1  # how surely two names are one: by names of one meaning, of several, by a part of each


@dataclass(frozen=True, slots=True)
class Name:
    """A name's letters: as ``Strings.joined`` has them, and as they stand where more words follow (no number is taken
    off: *kubernetes operator*)."""

    end: str
    within: str


@dataclass(frozen=True, slots=True)
class Lexicon:
    """``lines`` are things by their names; ``ends`` and ``withins`` say on which lines letters are a name; ``several``
    are the ends of names that mean more than one thing."""

    lines: tuple[tuple[Name, ...], ...]
    ends: Mapping[str, Sequence[int]]
    withins: Mapping[str, Sequence[int]]
    several: Collection[str]

    def variants(self, words: Sequence[str]) -> Iterator[tuple[str, int]]:
        """Letters of names that mean the same as one of these words, and how surely.

        The whole is replaced, or a part of it that has one meaning alone: *k8s ingress* is *kubernetes ingress*.
        """
        for one, other in self._pairs("".join(words), True):
            yield other.end, ALONE if one.end not in self.several and other.end not in self.several else SEVERAL
        for first in range(len(words)):
            for last in range(first + 1, min(first + PART_MOST, len(words)) + 1):
                part, is_last = "".join(words[first:last]), last == len(words)
                if last - first == len(words) or len(part) < SHORTEST_PART:
                    continue
                before, behind = "".join(words[:first]), "".join(words[last:])
                for one, other in self._pairs(part, is_last):
                    if one.end not in self.several and other.end not in self.several:
                        yield f"{before}{other.end if is_last else other.within}{behind}", PART

    def _pairs(self, letters: str, is_last: bool) -> Iterator[tuple[Name, Name]]:
        """Names of these letters, each with every other name of the same thing."""
        for line in (self.ends if is_last else self.withins).get(letters, ()):
            names = self.lines[line]
            one = next(name for name in names if (name.end if is_last else name.within) == letters)
            yield from ((one, other) for other in names if other.end != one.end)


def read(texts: Sequence[str]) -> Lexicon:
    """A lexicon of files' texts; empty lines, and such as begin with ``#``, tell nothing."""
    lines: list[tuple[Name, ...]] = []
    ends: dict[str, list[int]] = defaultdict(list)
    withins: dict[str, list[int]] = defaultdict(list)
    several: set[str] = set()
    for text in texts:
        for line in text.splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            listed = [part.strip() for part in line.split("|")]
            names = {name: _name(name.removeprefix("?")) for name in listed}
            several |= {spelt.end for name, spelt in names.items() if name.startswith("?")}
            kept = tuple({spelt.end: spelt for spelt in names.values()}.values())
            for name in kept:
                ends[name.end].append(len(lines))
            for within in dict.fromkeys(name.within for name in kept):
                withins[within].append(len(lines))
            lines.append(kept)
    several |= {end for end, on in ends.items() if len(on) > 1}
    return Lexicon(tuple(lines), dict(ends), dict(withins), frozenset(several))


def _name(text: str) -> Name:
    (end, *within) = word_lists([text, f"{text} {FOLLOWED}"])
    return Name("".join(end), "".join(within[0]).removesuffix(FOLLOWED))


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The lexicon that ships with Atlas."""
    folder = files("atlas.canonical") / "lexicon"
    paths = sorted((path for path in folder.iterdir() if path.name.endswith(".txt")), key=lambda path: path.name)
    return read([path.read_text(encoding="utf-8") for path in paths])


def known(strings: Strings, asked: range, among: range) -> np.ndarray:
    """Pairs that the lexicon holds for one thing, int64 [pairs, 3]: row of ``asked``, row of ``among``, how surely.

    Each pair once, with the surest way; ascending.
    """
    rows: dict[str, list[int]] = defaultdict(list)
    for row in among:
        rows[strings.joined[row]].append(row)
    surest: dict[tuple[int, int], int] = {}
    told = lexicon()
    for row in asked:
        for letters, how in told.variants(strings.words[row]):
            for other in rows.get(letters, ()):
                if other != row:
                    surest[row, other] = max(how, surest.get((row, other), 0))
    return np.array(sorted((*pair, how) for pair, how in surest.items()), np.int64).reshape(-1, 3)

"""Names of one thing that no spelling shows: k8s is Kubernetes, a heart attack a myocardial infarction.

``lexicon/`` holds them as people wrote them down from general knowledge, a file for each field, a line for each thing:
its usual name and the others, with ``|`` between them. ``?`` stands before a name that often means something else, such
as most initials, or that is not quite the same; a name on two lines is held to be such a one too. These help to find
what a name may mean, and join nothing by themselves.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import chain
from pathlib import Path

import numpy as np

from atlas.canonical import strings
from atlas.canonical.strings import Strings, word_lists
from atlas.digest import of_files
from atlas.library import names, spelling
from atlas.models.fetch import cache_folder
from atlas.storage import write_text

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
    lines: list[list[Name]] = []
    marked: set[str] = set()
    for line in chain.from_iterable(text.splitlines() for text in texts):
        if line.strip() and not line.startswith("#"):
            listed = [part.strip() for part in line.split("|")]
            spelt = {name: _name(name.removeprefix("?")) for name in listed}
            marked |= {own.end for name, own in spelt.items() if name.startswith("?")}
            lines.append(list({own.end: own for own in spelt.values()}.values()))
    return _indexed(lines, marked)


def _name(text: str) -> Name:
    end, within = word_lists([text, f"{text} {FOLLOWED}"])
    return Name("".join(end), "".join(within).removesuffix(FOLLOWED))


def _indexed(lines: Sequence[Sequence[Name]], marked: Collection[str]) -> Lexicon:
    ends: dict[str, list[int]] = defaultdict(list)
    withins: dict[str, list[int]] = defaultdict(list)
    for number, line in enumerate(lines):
        for name in line:
            ends[name.end].append(number)
        for within in {name.within for name in line}:
            withins[within].append(number)
    several = {end for end, on in ends.items() if len(on) > 1} | set(marked)
    return Lexicon(tuple(map(tuple, lines)), dict(ends), dict(withins), frozenset(several))


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The lexicon that ships with Atlas.

    To take its 85,000 names apart takes seconds, so what comes of it is kept beside the models, by the digest of the
    files and of the code that reads them.
    """
    folder = Path(str(files("atlas.canonical") / "lexicon"))
    paths = sorted(folder.glob("*.txt"))
    code = [Path(str(module.__file__)) for module in (names, spelling, strings)]
    kept = cache_folder() / "lexicon" / f"{of_files([*paths, *code, Path(__file__)])}.json"
    if kept.is_file():
        told = json.loads(kept.read_text(encoding="utf-8"))
        return _indexed([[Name(*spelt) for spelt in line] for line in told["lines"]], told["several"])
    found = read([path.read_text(encoding="utf-8") for path in paths])
    plain = {"lines": [[(name.end, name.within) for name in line] for line in found.lines]}
    with suppress(OSError):  # a cache that can't be written costs time alone
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_text(kept, json.dumps(plain | {"several": sorted(found.several)}))
    return found


def known_pairs(told: Strings) -> np.ndarray:
    """All pairs of these names that the lexicon holds for one thing, each both ways round; as ``known``."""
    everyone = range(len(told.forms))
    return known(told, everyone, everyone)


def known(told: Strings, asked: range, among: range) -> np.ndarray:
    """Pairs that the lexicon holds for one thing, int64 [pairs, 3]: row of ``asked``, row of ``among``, how surely.

    Each pair once, with the surest way; ascending.
    """
    rows: dict[str, list[int]] = defaultdict(list)
    for row in among:
        rows[told.joined[row]].append(row)
    surest: dict[tuple[int, int], int] = {}
    ours = lexicon()
    for row in asked:
        for letters, how in ours.variants(told.words[row]):
            for other in rows.get(letters, ()):
                if other != row:
                    surest[row, other] = max(how, surest.get((row, other), 0))
    return np.array(sorted((*pair, how) for pair, how in surest.items()), np.int64).reshape(-1, 3)

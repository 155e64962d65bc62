"""The outline of the Library of Congress Classification: some 8,000 subjects, as a tree under 21 classes.

Subjects are of the Library of Congress (a US government work), by way of thisismattmiller/lcc-pdf-to-json (MIT). The
outline names fields, and few of the things in them: ``lcc_scope.txt`` adds, in our own words, what is found where, and
``lcc_topics.txt`` the topics of ``concept_library/``, each where its curators placed it (``benchmarks/fit_place.py``).
"""

import gzip
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Any

# The first step of every path, and with it the name of a library's file. Short, without marks: they are permanent.
CLASSES = {
    "A": "General works",
    "B": "Philosophy and religion",
    "C": "Auxiliary sciences of history",
    "D": "World history",
    "E": "History of the Americas",
    "F": "History of the Americas",
    "G": "Geography and recreation",
    "H": "Social sciences",
    "J": "Political science",
    "K": "Law",
    "L": "Education",
    "M": "Music",
    "N": "Fine arts",
    "P": "Language and literature",
    "Q": "Science",
    "R": "Medicine",
    "S": "Agriculture",
    "T": "Technology",
    "U": "Military science",
    "V": "Naval science",
    "Z": "Libraries and information",
}
_DIVISIONS = (
    "general( works.*| special.*)?|general\\..*|history.*",
    "by (period|region|country|subject|author|place|state|type).*",
    "collect(ions|ed works).*|biography.*|bibliography.*|periodicals.*|director(y|ies).*|dictionar(y|ies).*",
    "encyclopedias.*|yearbooks.*|societies.*|congresses.*|museums?\\..*|exhibitions\\..*|sources.*",
    "study and teaching.*",
    "persons|individual .*|other .*|local .*|translations?.*|special .*|miscell.*|tables|philosophy\\..*",
    "prose.*|poetry|drama|modern|ancient|medieval|early .*|later .*|(\\d+|twent\\w+|nineteen\\w+)(th|st) century.*",
    "states",
    "(to|since|after|before|from|\\d{3,4}).*\\d.*|methodology|essays.*|juvenile .*|criticism.*|texts.*|addresses.*",
    "folk literature|description.*|antiquities.*|ethnography.*|guidebooks.*|military, naval.*|political history.*",
    "foreign.*relations.*|cities.*|provinces.*|regions?|regions?, .*|counties.*|literary history.*|works .*|theory",
    "statistics|communication of information.*|research|nomenclature.*|classification|terminology.*|laboratories",
    "data processing.*|instruments and machines|america|europe|asia|africa|united states|great britain|canada|oceania",
)
_DIVISION = re.compile(f"^({'|'.join(_DIVISIONS)})\\.?$")


@dataclass(frozen=True, slots=True)
class Node:
    """A subject of the outline; ``path`` leads from the class to it, ``parent`` is a position or -1."""

    code: str
    subject: str
    parent: int
    path: tuple[str, ...]

    @property
    def letter(self) -> str:
        return self.code[0]

    @property
    def subclass(self) -> str:
        """The letters of the code: ``QC`` of QC350-467."""
        return prefix(self.code)

    @property
    def is_division(self) -> bool:
        """Whether it divides a field by period, place, person or kind of publication, and says nothing of a concept."""
        return bool(_DIVISION.match(self.subject.lower()))


@dataclass(frozen=True)
class Outline:
    """Nodes in the order of the outline (parents first), and further words for some of them."""

    nodes: tuple[Node, ...]
    scope: tuple[tuple[int, str], ...]

    @cached_property
    def voters(self) -> tuple[tuple[int, str], ...]:
        """What concepts are compared with: nodes and their words, those of ``scope`` last.

        No mere divisions, and no law of single countries, which says the same for each of them. Words of their own
        alone: with those of the subjects above them too, it took twice as long and was no better.
        """
        own = [
            (i, node.subject)
            for i, node in enumerate(self.nodes)
            if not node.is_division and not _is_national_law(node)
        ]
        return (*own, *self.scope)

    def steps(self, position: int) -> tuple[str, ...]:
        """The way down to a node as a concept's taxonomy has it: without mere divisions, and no step said twice."""
        (name, *_), found = self.nodes[position].path, []
        while position >= 0:
            if not self.nodes[position].is_division:
                found.append(self.nodes[position].subject)
            position = self.nodes[position].parent
        if found and found[-1] == name:  # Agriculture (General) is under Agriculture
            found.pop()
        return (name, *reversed(found))


def _is_national_law(node: Node) -> bool:
    return node.letter == "K" and node.parent >= 0 and not re.match("K[0-9]|KB|KZ|KJA", node.code)


@lru_cache(maxsize=1)
def outline() -> Outline:
    """The outline that ships with Atlas."""
    return without_topics(*(files("atlas.canonical") / "lcc_topics.txt").read_text(encoding="utf-8").splitlines())


def without_topics(*further: str) -> Outline:
    """The outline with our notes alone, and with ``further`` lines of them behind."""
    folder = files("atlas.canonical")
    rows = gzip.decompress((folder / "lcc_outline.tsv.gz").read_bytes()).decode().splitlines()
    notes = (folder / "lcc_scope.txt").read_text(encoding="utf-8").splitlines()
    return read(rows, [*notes, *further])


def read(rows: Iterable[str], scope: Iterable[str]) -> Outline:
    """An outline of rows ``code<TAB>parent's code<TAB>subject``, and of lines ``code or prefix: words; words``.

    Raises:
        KeyError: a parent or a scope line names no node.
    """
    nodes: list[Node] = []
    position: dict[str, int] = {}
    for row in rows:
        code, above, subject = row.split("\t")
        parent = position[above] if above else -1
        path = (*(nodes[parent].path if above else (CLASSES[code[0]],)), subject)
        position[code] = len(nodes)
        position.setdefault(prefix(code), len(nodes))
        nodes.append(Node(code, subject, parent, path))
    words = []
    for line in scope:
        code, _, listed = line.partition(": ")
        words += [(position[code], text) for text in listed.split("; ")]
    return Outline(tuple(nodes), tuple(words))


def prefix(code: str) -> str:
    """The letters of a code, under which a class's first node is known too."""
    return re.match("[A-Z]+", code)[0]  # type: ignore[index]


def compiled(nodes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Rows for ``read``, of nodes as lcc-pdf-to-json gives them (id, prefix, start, stop, subject).

    A node's parent is the narrowest range of its prefix around it; the parents that the nodes name themselves are not
    used, as in places they are all the ranges before them.
    """
    ordered = sorted(nodes, key=lambda n: (n["prefix"], n["start"], -n["stop"], n["id"]))
    rows: list[str] = []
    around: list[Mapping[str, Any]] = []  # the ranges that are open, outermost first
    for node in ordered:
        while around and not _holds(around[-1], node):
            around.pop()
        subject = re.sub(r"\s+", " ", node["subject"]).replace("/", "-").strip(" .,;")
        subject = re.sub(r" \(General\)|,? etc$", "", subject)
        rows.append(f"{node['id']}\t{around[-1]['id'] if around else ''}\t{subject}")
        around.append(node)
    return rows


def _holds(outer: Mapping[str, Any], inner: Mapping[str, Any]) -> bool:
    return bool(
        outer["prefix"] == inner["prefix"] and outer["start"] <= inner["start"] and inner["stop"] <= outer["stop"]
    )

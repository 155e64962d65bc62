"""Names of one thing that no spelling shows, and what they are good for."""

from collections.abc import Callable, Sequence
from importlib.resources import files

import numpy as np
import pyarrow as pa
import pytest

from atlas.canonical.build import build
from atlas.canonical.config import CanonicalizeConfig
from atlas.canonical.lexicon import ALONE, PART, SEVERAL, Lexicon, known, lexicon, read
from atlas.canonical.link import rank
from atlas.canonical.strings import taken_apart, word_lists
from atlas.library.concept import Library
from atlas.library.names import normal_form

SMALL = read(
    [
        "# vessels\n\nKubernetes | k8s | ?kube\nVisual Studio Team Services | VSTS\nMercury | Hg\n",
        "Mercury | the swift planet\n",
    ]
)
Embedder = Callable[..., Callable[[Sequence[str]], np.ndarray]]


def letters(name: str) -> str:
    return "".join(word_lists([name])[0])


def variants(told: Lexicon, name: str) -> dict[str, int]:
    return dict(told.variants(word_lists([name])[0]))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("K8s", {"kubernetes": ALONE, "kube": SEVERAL}),
        ("kube", {"kubernetes": SEVERAL, "k8s": SEVERAL}),
        ("visual-studio-team-services", {"vsts": ALONE}),
        ("hg", {"mercury": SEVERAL}),
        ("mercury", {"hg": SEVERAL, "swift planet": SEVERAL}),
        ("kubernetes ingress", {"k8s ingress": PART}),
        ("ingress of k8s", {"ingress of kubernetes": PART}),
        ("kube ingress", {}),
        ("docker", {}),
    ],
)
def test_other_names_of_a_whole_and_of_a_part(name: str, found: dict[str, int]) -> None:
    assert variants(SMALL, name) == {letters(other): how for other, how in found.items()}


def test_every_line_that_ships_names_one_thing_in_two_ways_and_once() -> None:
    lines = [
        (path.name, number, line)
        for path in (files("atlas.canonical") / "lexicon").iterdir()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if line and not line.startswith("#")
    ]
    assert len(lines) > 1000
    alone = [
        where
        for *where, line in lines
        if len({"".join(words) for words in word_lists(line.replace("?", "").split("|"))}) < 2
    ]
    assert alone == []
    seen: dict[tuple[str, ...], tuple[str, int]] = {}
    for name, number, line in lines:
        key = tuple(sorted(normal_form(part.strip(" ?")) for part in line.split("|")))
        assert key not in seen, (name, number, seen.get(key))
        seen[key] = name, number


def test_pairs_of_rows_are_found_both_ways(embedder: Embedder) -> None:
    names = ["k8s", "tides", "Kubernetes", "k8s operators", "kubernetes operator"]
    strings = taken_apart(names, embedder()(names))
    found = known(strings, range(5), range(5))
    assert [tuple(row) for row in found.tolist()] == [(0, 2, ALONE), (2, 0, ALONE), (3, 4, PART), (4, 3, PART)]
    assert known(strings, range(1, 2), range(5)).shape == (0, 3)


def test_a_name_that_only_the_lexicon_knows_is_ranked_first(embedder: Embedder) -> None:
    targets = [f"thing {number}" for number in range(300)] + ["Odoo"]
    found = rank(["OpenERP"], targets, embedder(), embedder())
    assert targets[found.rows[0, 0]] == "Odoo"


def test_a_name_that_is_there_but_for_number_goes_before_what_the_lexicon_knows(embedder: Embedder) -> None:
    targets = ["heart attacks", "myocardial infarction", *(f"thing {number}" for number in range(5))]
    near = embedder([("heart attack", "heart attacks")])
    found = rank(["heart-attack"], targets, near, near)
    assert targets[found.rows[0, 0]] == "heart attacks"


def test_tags_that_the_lexicon_holds_for_one_are_one_concept(
    tag_table: Callable[..., pa.Table], embedder: Embedder
) -> None:
    tags = tag_table([{"content": [tag]} for tag in ("k8s", "kubernetes", "docker") for _ in range(3)])
    library, _ = build(tags, Library(()), CanonicalizeConfig(min_chunks=2), embedder())
    assert library.link("content", "k8s") == library.link("content", "kubernetes") is not None
    assert library.link("content", "docker") != library.link("content", "k8s")
    assert lexicon() is lexicon()

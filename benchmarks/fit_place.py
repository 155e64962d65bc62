"""Write what placement knows of topics that people placed (``atlas/canonical/lcc_topics.txt``), and fit its confidence.

    python benchmarks/fit_place.py --data DIR [--library concept_library]

Every active topic of the library whose place a person gave, deeper than a class, is a line's part: the name under the
code of its place. Then the two numbers of the confidence (Platt, 1999) are fitted on the tune halves of the sets of
``placement.py`` that are large enough, each of the same weight, and printed with the least confidence, in hundredths,
from which 90 % of the classes are right on each of them: ``SLOPE``, ``SHIFT`` and ``LEAST_CONFIDENCE`` of
``atlas/canonical/place.py``.
"""

import argparse
import zlib
from collections import defaultdict
from pathlib import Path

import numpy as np
from placement import gold, terms_of
from scipy.optimize import minimize

from atlas.canonical.outline import Outline, outline, without_topics
from atlas.canonical.place import SHIFT, SLOPE, place_vectors
from atlas.canonical.subjects import subject_vectors
from atlas.library.concept import Library
from atlas.library.store import load
from atlas.models.encoder import encoder

TOPICS = Path(__file__).parents[1] / "atlas/canonical/lcc_topics.txt"
SETS = ("plos", "openstax", "yso")
WANTED = 0.9  # of the classes


def lines(library: Library, tree: Outline) -> list[str]:
    """``code: name; name`` for each place that people gave to active topics, in the order of the outline."""
    fields = [position for position, node in enumerate(tree.nodes) if not node.is_division]
    codes = {" / ".join(tree.steps(position)): tree.nodes[position].code for position in reversed(fields)}
    placed = defaultdict(list)
    for concept in library.active:
        if concept.taxonomy and concept.confidence is None and concept.taxonomy in codes:
            placed[codes[concept.taxonomy]].append(concept.name)
    return [f"{node.code}: {'; '.join(placed[node.code])}" for node in tree.nodes if node.code in placed]


def tuned(data: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each set's tune half: the log odds of the class's part of the votes, and whether the class is right."""
    tree = outline()
    model = encoder("all-minilm-l6-v2")
    voters = subject_vectors(tree, model)
    found = []
    for name in SETS:
        terms = terms_of(name, data, gold(), tree)
        places = place_vectors(model.encode([term.text for term in terms]), voters, tree, 0.0)
        tune = np.array([zlib.crc32(term.name.encode()) % 2 == 0 for term in terms])
        sure = np.clip([place.confidence if place else 0.0 for place in places], 1e-6, 1 - 1e-6)
        pairs = zip(terms, places, strict=True)
        right = np.array([place is not None and place.code[0] in term.letters for term, place in pairs])
        odds = (np.log(sure / (1 - sure)) - SHIFT) / SLOPE
        found.append((odds[tune], right[tune]))
    return found


def loss(line: np.ndarray, sets: list[tuple[np.ndarray, np.ndarray]]) -> float:
    signed = [np.where(right, -1, 1) * (line[0] * odds + line[1]) for odds, right in sets]
    return float(sum(np.logaddexp(0, each).mean() for each in signed))


def least(line: np.ndarray, sets: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """The lowest confidence from which enough of what is placed is right on each set."""
    for hundredths in range(50, 100):
        bar = np.log(hundredths / (100 - hundredths))
        if all(right[line[0] * odds + line[1] >= bar].mean() >= WANTED for odds, right in sets):
            return hundredths / 100
    return 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the benchmark data")
    parser.add_argument("--library", type=Path, default=Path("concept_library"), help="library whose topics are placed")
    args = parser.parse_args()
    written = lines(load(args.library), without_topics())
    TOPICS.write_text("".join(f"{line}\n" for line in written), encoding="utf-8")
    print(f"{TOPICS}: {sum(line.count('; ') + 1 for line in written):,} topics in {len(written)} places")
    outline.cache_clear()
    sets = tuned(args.data)
    fitted = np.round(minimize(loss, [SLOPE, SHIFT], args=(sets,), method="Nelder-Mead").x, 2)
    print(f"SLOPE, SHIFT = {fitted[0]}, {fitted[1]}")
    print(f"LEAST_CONFIDENCE = {least(fitted, sets)}")


if __name__ == "__main__":
    main()

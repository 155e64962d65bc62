"""Fit the weights by which topics are chosen (``choice`` of a prompt file) on human labels.

    python benchmarks/fit_choice.py --data DIR [--sets a,b] [--passages 150] [--more 1350]

Takes the tune half of each set; the test half, on which ``tag_quality.py`` reports, is not looked at. Two logistic
regressions tell candidates that match a label (see ``tag_match.py``) from those that don't; each set weighs the same:

1. What kinds of things are labels? On the phrases of ``--more`` passages a set, for which no language model is needed:
   a weight for each dimension of a candidate's vector, held small by a penalty, beside the features that phrases have.
2. On ``--passages`` others, to which the default engine writes topics: weights of all features, and one for the outcome
   of the first.

Prints the block for the prompt file, and how well the same does on passages that it was not fitted on: of the same sets
(each half of the ``--passages`` with the second fit of the other half), and with the set left out of both fits.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml
from label_sets import SETS, labelled
from sklearn.linear_model import LogisticRegression
from tag_match import Matcher, scores

from atlas.llm.ctranslate2 import CTranslate2Config, load
from atlas.models.int8 import int8_encoder
from atlas.tagging.choose import FEATURES, Candidates, Choice, candidates, chosen
from atlas.tagging.passage import quiet
from atlas.tagging.prompt import default_prompt
from atlas.tagging.question import asking
from atlas.tagging.stage import tag_passages

ENCODER = "all-minilm-l6-v2"
SETTINGS = Choice({}, 0.0, most=4, least=0.12, alike=0.8, variety=0.5)
OF_PHRASES = [FEATURES.index(name) for name in ("passage", "kin", "words", "early", "longer")]
PENALTY = 1e-7  # of the first fit, per candidate: scikit-learn's C is so many times their number
SPREAD = 0.3  # standard deviation of the features in the first fit: the penalty shall hold the vectors small, not them


@dataclass(frozen=True, slots=True)
class Passage:
    """Its candidates, which of them match a label, and the labels."""

    found: Candidates
    hits: np.ndarray
    labels: tuple[str, ...]


Sets = Mapping[str, Sequence[Passage]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--passages", type=int, default=150, help="of each set, to which the engine writes topics")
    parser.add_argument("--more", type=int, default=1350, help="of each set, whose phrases alone are looked at")
    parser.add_argument("--answers", type=Path, help="file that keeps the model's topics, for another fit")
    options = parser.parse_args()
    matcher = Matcher(int8_encoder(ENCODER).encode)
    tagged: dict[str, list[Passage]] = {}
    plain: dict[str, list[Passage]] = {}
    for name in options.sets.split(","):
        found = gather(options.data, name, options.passages, options.more, matcher, options.answers)
        tagged[name], plain[name] = found[: options.passages], found[options.passages :]
    likeness = kinds(plain)
    print(yaml.safe_dump({"choice": as_yaml(fit(tagged, likeness))}, sort_keys=False, width=118))
    halves = [{name: passages[number::2] for name, passages in tagged.items()} for number in (0, 1)]
    fitted = [fit(half, likeness) for half in halves]
    for name in tagged:
        rows = [
            (choice, passage) for choice, half in zip(fitted, reversed(halves), strict=True) for passage in half[name]
        ]
        report(name, "other passages fitted", rows, matcher)
        if len(tagged) > 1:
            others = {key: passages for key, passages in tagged.items() if key != name}
            without = fit(others, kinds({key: plain[key] for key in others}))
            report(name, "set left out", [(without, passage) for passage in tagged[name]], matcher)


def report(name: str, title: str, rows: Sequence[tuple[Choice, Passage]], matcher: Matcher) -> None:
    tags = [chosen(passage.found, choice) for choice, passage in rows]
    found = scores(matcher.all(tags, [passage.labels for _, passage in rows]))
    measured = {key: round(float(value), 3) for key, value in found.items()}
    print(f"{name:20} {title:22} {sum(map(len, tags)) / len(tags):.1f} tags", measured, flush=True)


def gather(data: Path, name: str, most: int, more: int, matcher: Matcher, answers: Path | None) -> list[Passage]:
    """Passages of the tune half; to the first ``most`` of them the engine writes topics."""
    passages = labelled(data, name, "tune", most + more)
    texts = [quiet(" ".join(passage.text.split())) for passage in passages]
    kept = json.loads(answers.read_text()) if answers and answers.is_file() else {}
    if name not in kept:
        engine = load(CTranslate2Config())
        asked = asking(default_prompt(engine.model)).about("content")
        kept[name] = [tagged.tags["content"] for tagged in tag_passages(texts[:most], engine, asked)]
        if answers:
            answers.write_text(json.dumps(kept))
    written = [*kept[name][:most], *([] for _ in texts[most:])]
    found = candidates(texts, written, matcher.vectors)
    matcher.vectors([label for passage in passages for label in passage.labels])  # all at once
    return [
        Passage(own, np.asarray(matcher.hits(own.tags, passage.labels)[0].any(axis=1)), passage.labels)
        for own, passage in zip(found, passages, strict=True)
        if own.tags
    ]


def kinds(sets: Sets) -> np.ndarray:
    """The first fit: weights of the dimensions of a candidate's vector, float64 [dimensions]."""
    vectors = np.concatenate([p.found.vectors for passages in sets.values() for p in passages])
    features = np.concatenate([p.found.features[:, OF_PHRASES] for passages in sets.values() for p in passages])
    both = np.hstack([standard(features)[0] * SPREAD, vectors - vectors.mean(axis=0)])
    model = LogisticRegression(C=PENALTY * len(both), max_iter=300, tol=1e-3)
    model.fit(both, hits_of(sets), shares(sets))
    return model.coef_[0][len(OF_PHRASES) :]


def fit(sets: Sets, likeness: np.ndarray) -> Choice:
    """The second fit, as a choice."""
    rows = [
        np.column_stack([p.found.features, p.found.vectors @ likeness]) for passages in sets.values() for p in passages
    ]
    scaled, mean, scale = standard(np.concatenate(rows))
    model = LogisticRegression(max_iter=1000).fit(scaled, hits_of(sets), shares(sets))
    weights = model.coef_[0] / scale
    named = {name: round(float(weight), 3) for name, weight in zip(FEATURES, weights[:-1], strict=True)}
    meaning = tuple(round(float(weight), 2) for weight in weights[-1] * likeness)
    bias = round(float(model.intercept_[0] - weights @ mean), 3)
    return replace(SETTINGS, weights=named, bias=bias, meaning=meaning)


def standard(features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-9
    return (features - mean) / scale, mean, scale


def hits_of(sets: Sets) -> np.ndarray:
    return np.concatenate([p.hits for passages in sets.values() for p in passages])


def shares(sets: Sets) -> np.ndarray:
    """Weight of each candidate: one in the mean, and each set's the same."""
    counts = np.array([sum(len(p.hits) for p in passages) for passages in sets.values()])
    return np.repeat(counts.sum() / len(counts) / counts, counts)


def as_yaml(choice: Choice) -> dict[str, object]:
    settings = {name: getattr(choice, name) for name in ("most", "least", "alike", "variety")}
    weights = {"bias": choice.bias, "weights": dict(choice.weights)}
    return {"encoder": ENCODER, **weights, **settings, "meaning": list(choice.meaning)}


if __name__ == "__main__":
    main()

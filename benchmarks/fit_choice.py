"""Fit the weights by which topics are chosen (``choice`` of a prompt file) on human labels.

    python benchmarks/fit_choice.py --data DIR [--sets a,b] [--passages 150]

Takes the tune half of each set, lets the default engine write topics, and fits a logistic regression that tells
candidates which match a label (see ``tag_match.py``) from those that don't; each set weighs the same. Prints the
block for the prompt file, and how well the same weights do when a set is left out of the fit. The test half, on which
``tag_quality.py`` reports, is not looked at.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from label_sets import SETS, labelled
from sklearn.linear_model import LogisticRegression
from tag_match import Matcher, scores

from atlas.llm.ctranslate2 import CTranslate2Config, load
from atlas.models.encoder import remembering
from atlas.tagging.choose import FEATURES, Candidates, Choice, candidates, chosen
from atlas.tagging.passage import quiet
from atlas.tagging.prompt import default_prompt
from atlas.tagging.question import asking
from atlas.tagging.stage import tag_passages

ENCODER = "all-minilm-l6-v2"
MOST, LEAST, ALIKE, VARIETY = 5, 0.15, 0.8, 0.5
LEASTS = (0.1, 0.15, 0.18, 0.2, 0.25)


@dataclass(frozen=True, slots=True)
class Fitting:
    """A set: candidates of each passage, which of them match a label, and the labels."""

    found: list[Candidates]
    hits: list[Any]
    labels: list[tuple[str, ...]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--passages", type=int, default=150, help="of each set")
    parser.add_argument("--answers", type=Path, help="file that keeps the model's topics, for another fit")
    options = parser.parse_args()
    matcher = Matcher()
    sets = {
        name: gather(options.data, name, options.passages, matcher, options.answers) for name in options.sets.split(",")
    }
    choice = fit(list(sets.values()))
    print(yaml.safe_dump({"choice": as_yaml(choice)}, sort_keys=False))
    for name, own in sets.items():
        without = fit([other for key, other in sets.items() if key != name]) if len(sets) > 1 else choice
        for title, fitted in (("fitted", choice), ("fitted without it", without)):
            for least in LEASTS if title == "fitted" else (choice.least,):
                kept = Choice(fitted.weights, fitted.bias, MOST, least, ALIKE, VARIETY)
                tags = [chosen(found, kept) for found in own.found]
                mean = sum(map(len, tags)) / len(tags)
                measured = {key: round(float(value), 3) for key, value in scores(matcher.all(tags, own.labels)).items()}
                print(f"{name:20} {title:18} least {least:.2f} {mean:.1f} tags", measured)


def gather(data: Path, name: str, most: int, matcher: Matcher, answers: Path | None) -> Fitting:
    passages = labelled(data, name, "tune", most)
    texts = [quiet(" ".join(passage.text.split())) for passage in passages]
    kept = json.loads(answers.read_text()) if answers and answers.is_file() else {}
    if name not in kept:
        engine = load(CTranslate2Config())
        asked = asking(default_prompt(engine.model))
        kept[name] = [tagged.tags["content"] for tagged in tag_passages(texts, engine, asked.about("content"))]
        if answers:
            answers.write_text(json.dumps(kept))
    found = candidates(texts, kept[name], remembering(ENCODER))
    labels = [passage.labels for passage in passages]
    matcher.all([c.tags for c in found], labels)  # embeds all at once
    hits = [np.asarray(matcher.hits(c.tags, own)[0]).any(axis=1) for c, own in zip(found, labels, strict=True)]
    return Fitting(found, hits, labels)


def fit(sets: list[Fitting]) -> Choice:
    """Logistic regression on standardized features, each set of the same weight; weights are of the raw features."""
    features = np.concatenate([found.features for own in sets for found in own.found])
    hits = np.concatenate([hit for own in sets for hit in own.hits])
    share = np.concatenate([np.full(sum(map(len, own.hits)), 1 / sum(map(len, own.hits))) for own in sets])
    mean, scale = features.mean(0), features.std(0) + 1e-9
    model = LogisticRegression(max_iter=1000).fit((features - mean) / scale, hits, share * len(hits) / len(sets))
    weights = model.coef_[0] / scale
    bias = float(model.intercept_[0] - weights @ mean)
    named = {name: round(float(weight), 3) for name, weight in zip(FEATURES, weights, strict=True)}
    return Choice(named, round(bias, 3), MOST, LEAST, ALIKE, VARIETY)


def as_yaml(choice: Choice) -> dict[str, object]:
    return {"encoder": ENCODER, "bias": choice.bias, "weights": dict(choice.weights)} | {
        "most": choice.most,
        "least": choice.least,
        "alike": choice.alike,
        "variety": choice.variety,
    }


if __name__ == "__main__":
    main()

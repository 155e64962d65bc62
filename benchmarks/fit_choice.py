"""Fit the networks by which topics are chosen (``choice`` of a prompt file) on human labels.

    python benchmarks/fit_choice.py --data DIR [--sets a,b] [--passages 450] [--kinds NAME] [--left-out]

Takes the tune half of each set; the test half, on which ``tag_quality.py`` reports, is not looked at. Two fits tell
candidates that match a label (see ``tag_match.py``) from those that don't; each set weighs the same:

1. What kinds of things are labels of such a passage? Fitted on the phrases of ``--more`` passages a set, for which no
   language model is needed: a network over the vectors of candidate and passage and the features that phrases have,
   and a linear model of the candidate's vector alone, which is better on kinds of text that neither has seen. Their
   log odds are added up, at ``SHARE`` of the first, in one network. Left out with ``--kinds``, which names one.
2. On the first ``--passages`` of each, to which the default engine writes topics, and which taught it nothing (see
   ``fit_tagger.py``): a small network over all features and the outcome of the first.

Writes both networks, prints the block for the prompt file, and says how well the same does on passages that it was not
fitted on: of the same sets (each third of the ``--passages`` with the second fit of the others), and, if asked, with
the set left out of the second fit.
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
from atlas.models.network import CLAMP, Network
from atlas.tagging import network_files
from atlas.tagging.choose import OF_PHRASES, Candidates, Choice, candidates, chosen
from atlas.tagging.passage import quiet
from atlas.tagging.prompt import default_prompt
from atlas.tagging.question import asking
from atlas.tagging.stage import tag_passages

ENCODER = "all-minilm-l6-v2"
SETTINGS = Choice({}, 0.0, most=4, least=0.2, alike=0.8, variety=0.5)
PHRASES = 20  # of a passage
PENALTY = 1e-7  # of the linear model, per candidate: scikit-learn's C is so many times their number
SPREAD = 0.3  # standard deviation of the features there: the penalty shall hold the vectors small, not them
SHARE = 0.7  # of the network
DROPPED = 0.3  # share of a network's units left out at a time
RATE = 2e-3
FOLDS = 3


@dataclass(frozen=True, slots=True)
class Training:
    """How a network is trained: units of its hidden layer, and so on."""

    units: int
    decay: float
    epochs: int
    batch: int


OF_KINDS = Training(units=128, decay=0.01, epochs=4, batch=512)
WEIGHING = Training(units=24, decay=0.05, epochs=8, batch=256)


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
    parser.add_argument("--passages", type=int, default=450, help="of each set, to which the engine writes topics")
    parser.add_argument("--more", type=int, default=2850, help="of each set, whose phrases alone are looked at")
    parser.add_argument("--kinds", help="network of the first fit, where that is not to be made")
    parser.add_argument("--out", type=Path, default=Path("kinds.safetensors"), help="where that of the first fit goes")
    parser.add_argument("--weighing", type=Path, default=Path("weighing.safetensors"), help="and that of the second")
    parser.add_argument("--left-out", action="store_true", help="also fit without each set, and report on it")
    parser.add_argument("--answers", type=Path, help="file that keeps the model's topics, for another fit")
    options = parser.parse_args()
    matcher = Matcher(int8_encoder(ENCODER).encode)
    more = 0 if options.kinds else options.more
    tagged: dict[str, list[Passage]] = {}
    plain: dict[str, list[Passage]] = {}
    for name in options.sets.split(","):
        found = gather(options.data, name, options.passages, more, matcher, options.answers)
        tagged[name], plain[name] = found[: options.passages], found[options.passages :]
    told = {"fitted on": ", ".join(tagged), "encoder": ENCODER}
    if not options.kinds:
        network_files.write(options.out, of_kinds(plain), told)
    network = network_files.read(options.kinds or str(options.out))  # as it is used: in half precision
    network_files.write(options.weighing, weighing(tagged, network), told)
    print(yaml.safe_dump({"choice": as_yaml()}, sort_keys=False, width=118), flush=True)
    report_others(tagged, network, matcher)
    for name in tagged if options.left_out else ():
        others = {key: passages for key, passages in tagged.items() if key != name}
        choice = replace(SETTINGS, kinds=network, weighing=weighing(others, network))
        report(name, "set left out", [(choice, passage) for passage in tagged[name]], matcher)


def report_others(tagged: Sets, network: Network, matcher: Matcher) -> None:
    """How each third of the passages does with a fit on the others."""
    rows: dict[str, list[tuple[Choice, Passage]]] = {name: [] for name in tagged}
    for fold in range(FOLDS):
        fitted_on = {name: [p for at, p in enumerate(own) if at % FOLDS != fold] for name, own in tagged.items()}
        choice = replace(SETTINGS, kinds=network, weighing=weighing(fitted_on, network))
        for name, passages in tagged.items():
            rows[name] += [(choice, passage) for passage in passages[fold::FOLDS]]
    for name, own in rows.items():
        report(name, "other passages fitted", own, matcher)


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
    found = candidates(texts, written, matcher.vectors, PHRASES)
    matcher.vectors([label for passage in passages for label in passage.labels])  # all at once
    return [
        Passage(own, np.asarray(matcher.hits(own.tags, passage.labels)[0].any(axis=1)), passage.labels)
        for own, passage in zip(found, passages, strict=True)
        if own.tags
    ]


def of_kinds(sets: Sets) -> Network:
    """The first fit: both models as one network."""
    inputs = np.concatenate([p.found.of_kinds for passages in sets.values() for p in passages])
    scaled, mean, scale = standard(inputs)
    scaled = np.clip(scaled, -CLAMP, CLAMP, out=scaled)
    (hidden, bias), (last, _) = trained(scaled, sets, OF_KINDS)
    last = last[:, 0]
    linear = np.zeros_like(mean)
    own = slice(len(OF_PHRASES), len(OF_PHRASES) + (len(mean) - len(OF_PHRASES)) // 3)  # the candidate's vector
    linear[own] = meaning(inputs[:, : own.stop], sets) * scale[own]
    parts = (np.maximum(scaled @ hidden + bias, 0) @ last, scaled @ linear)
    told = [share / part.std() for share, part in zip((SHARE, 1 - SHARE), parts, strict=True)]
    weights = np.column_stack([hidden, linear, -linear])  # a linear part is what two opposed units have together
    top = np.concatenate([last * told[0], [told[1], -told[1]]])[:, None].astype(np.float32)
    return Network(mean, scale, ((weights, np.append(bias, np.zeros(2, np.float32))), (top, np.zeros(1, np.float32))))


def meaning(inputs: np.ndarray, sets: Sets) -> np.ndarray:
    """Weights of the dimensions of a candidate's vector, float64 [dimensions]."""
    features, vectors = np.split(inputs, [len(OF_PHRASES)], axis=1)
    both = np.hstack([standard(features)[0] * SPREAD, vectors - vectors.mean(axis=0)])
    model = LogisticRegression(C=PENALTY * len(both), max_iter=300, tol=1e-3).fit(both, hits_of(sets), shares(sets))
    return model.coef_[0][len(OF_PHRASES) :]


def weighing(sets: Sets, of_kinds: Network) -> Network:
    """The second fit."""
    told = np.concatenate([p.found.weighed(of_kinds) for passages in sets.values() for p in passages])
    scaled, mean, scale = standard(told)
    return Network(mean, scale, trained(np.clip(scaled, -CLAMP, CLAMP), sets, WEIGHING))


Layer = tuple[np.ndarray, np.ndarray]  # weights [in, out] and biases


def trained(scaled: np.ndarray, sets: Sets, training: Training) -> tuple[Layer, Layer]:
    """A network with one hidden layer."""
    import torch

    torch.manual_seed(0)
    told = torch.from_numpy(scaled)
    hits, weights = (torch.from_numpy(values.astype(np.float32)) for values in (hits_of(sets), shares(sets)))
    hidden, last = torch.nn.Linear(told.shape[1], training.units), torch.nn.Linear(training.units, 1)
    model = torch.nn.Sequential(hidden, torch.nn.ReLU(), torch.nn.Dropout(DROPPED), last)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=training.decay)
    steps = training.epochs * -(-len(told) // training.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for _ in range(training.epochs):
        for batch in torch.randperm(len(told)).split(training.batch):
            odds = model(told[batch])[:, 0]
            losses = torch.nn.functional.binary_cross_entropy_with_logits(odds, hits[batch], reduction="none")
            optimizer.zero_grad()
            (losses * weights[batch]).mean().backward()
            optimizer.step()
            schedule.step()
    layers = [(layer.weight.detach().numpy().T, layer.bias.detach().numpy()) for layer in (hidden, last)]
    return layers[0], layers[1]


def standard(features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-9
    return (features - mean) / scale, mean, scale


def hits_of(sets: Sets) -> np.ndarray:
    return np.concatenate([p.hits for passages in sets.values() for p in passages])


def shares(sets: Sets) -> np.ndarray:
    """Weight of each candidate: one in the mean, and each set's the same."""
    counts = np.array([sum(len(p.hits) for p in passages) for passages in sets.values()])
    return np.repeat(counts.sum() / len(counts) / counts, counts)


def as_yaml() -> dict[str, object]:
    settings = {name: getattr(SETTINGS, name) for name in ("most", "least", "alike", "variety")}
    return {"encoder": ENCODER, "kinds": "NAME", "weighing": "NAME", "phrases": PHRASES, **settings}


if __name__ == "__main__":
    main()

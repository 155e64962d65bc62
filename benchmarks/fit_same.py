"""Fit the networks that say whether two names mean the same, on the half of the gold that is for fitting.

``python benchmarks/fit_same.py --data DIR`` writes ``atlas/canonical/same.json``. Each set's pairs weigh about alike,
however large the set is. ``link`` is fitted so that a synonym's own concept comes out above the other candidates;
it also sees how often a candidate is used, zero where nobody knows.
"""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import torch
from rows import arguments
from synonym_sets import SETS, names, read

from atlas.canonical.link import candidates, familiarity, inputs
from atlas.canonical.neighbours import pairs
from atlas.canonical.pairs import FEATURES, features
from atlas.canonical.strings import taken_apart
from atlas.library.names import normal_form
from atlas.models.encoder import encoder

OUT = Path(__file__).parent.parent / "atlas" / "canonical" / "same.json"
NEAREST = 15
HIDDEN = 32
STEPS = 2400
LINK_STEPS, LINK_DECAY = 1000, 0.3  # fewer examples: more steps learn them by heart
RATE = 6e-3
BATCH = 4096
QUERIES = 1500  # synonyms of a set that the ranking is fitted on
EVENED = 0.7  # a set weighs its number of true pairs to the power of one less this


def fitted_same(data: Path, sets: Sequence[str], embed) -> dict:  # type: ignore[no-untyped-def]
    values, truths, weights = [], [], []
    for name in sets:
        gold = names(read(data, name, "fit"))
        strings = taken_apart(gold.texts, embed([normal_form(text) for text in gold.texts]))
        rows = pairs(strings, NEAREST)
        concept = np.array(gold.concept)
        same = concept[rows[:, 0]] == concept[rows[:, 1]]
        values.append(features(strings, rows))
        truths.append(same)
        weights.append(np.full(len(rows), max(200, same.sum()) ** -EVENED))
        print(f"{name}: {len(gold.texts)} names, {len(rows)} pairs, {same.sum()} true", flush=True)
    x, y, w = np.concatenate(values), np.concatenate(truths), np.concatenate(weights)
    net, mean, scale, x = _network(x)
    truth, weight = torch.tensor(y, dtype=torch.float32), torch.tensor(w / w.mean(), dtype=torch.float32)
    cross_entropy = torch.nn.functional.binary_cross_entropy_with_logits

    def loss() -> torch.Tensor:
        rows = torch.randint(0, len(truth), (BATCH,))
        return (cross_entropy(net(x[rows])[:, 0], truth[rows], reduction="none") * weight[rows]).mean()

    _descend(net, loss, STEPS, 1e-3)
    return _told(net, mean, scale)


def fitted_link(data: Path, sets: Sequence[str], embed) -> dict:  # type: ignore[no-untyped-def]
    values, owner = [], []
    for name in sets:
        gold = read(data, name, "fit")
        asked = [(text, own) for own, others in gold.concepts for text in others if text != own]
        asked = asked[:: max(1, len(asked) // QUERIES)]
        place = {text: number for number, text in enumerate(gold.targets)}
        texts = [*gold.targets, *(text for text, _ in asked)]
        strings = taken_apart(texts, embed([normal_form(text) for text in texts]))
        known = len(gold.targets)
        used = familiarity([gold.counts.get(text, 0) for text in gold.targets])
        rows = candidates(strings, used)
        seen = inputs(strings, rows, used)
        for number, (_, own) in enumerate(asked, known):
            mine = rows[:, 1] == number
            right = rows[mine, 0] == place[own]
            if right.any():
                values.append(np.concatenate([seen[mine][right], seen[mine][~right]]))
                owner.append(name)
        print(f"{name}: {len(asked)} synonyms among {known} concepts, found {owner.count(name)}", flush=True)
    most = max(map(len, values))
    width = values[0].shape[1]
    stacked = np.zeros((len(values), most, width), np.float32)
    there = np.zeros((len(values), most), bool)
    for row, found in enumerate(values):
        stacked[row, : len(found)], there[row, : len(found)] = found, True
    weight = np.array([owner.count(name) ** -EVENED for name in owner])
    net, mean, scale, flat = _network(stacked.reshape(-1, width), stacked[there])
    x, out = flat.reshape(stacked.shape), torch.tensor(~there)
    w = torch.tensor(weight / weight.mean(), dtype=torch.float32)

    def loss() -> torch.Tensor:
        rows = torch.randint(0, len(x), (BATCH // 32,))
        odds = net(x[rows])[..., 0].masked_fill(out[rows], -1e9)
        return (
            torch.nn.functional.cross_entropy(odds, torch.zeros(len(rows), dtype=torch.long), reduction="none")
            * w[rows]
        ).mean()

    _descend(net, loss, LINK_STEPS, LINK_DECAY)
    return _told(net, mean, scale)


def _network(values: np.ndarray, told: np.ndarray | None = None):  # type: ignore[no-untyped-def]
    torch.manual_seed(0)
    told = values if told is None else told
    mean, scale = told.mean(axis=0), told.std(axis=0) + 1e-6
    scaled = torch.tensor((values - mean) / scale, dtype=torch.float32).clamp(-6, 6)
    layer = torch.nn.Linear
    net = torch.nn.Sequential(
        layer(values.shape[1], HIDDEN), torch.nn.ReLU(), layer(HIDDEN, HIDDEN), torch.nn.ReLU(), layer(HIDDEN, 1)
    )
    return net, mean, scale, scaled


def _descend(net: torch.nn.Module, loss, steps: int, decay: float) -> None:  # type: ignore[no-untyped-def]
    descent = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=decay)
    rate = torch.optim.lr_scheduler.OneCycleLR(descent, RATE, total_steps=steps)
    for _ in range(steps):
        descent.zero_grad()
        loss().backward()
        descent.step()
        rate.step()


def _told(net: torch.nn.Module, mean: np.ndarray, scale: np.ndarray) -> dict:
    def rounded(values: np.ndarray) -> list:
        return np.array([float(f"{v:.5g}") for v in values.ravel()]).reshape(values.shape).tolist()

    layers = [part for part in net if isinstance(part, torch.nn.Linear)]  # type: ignore[attr-defined]
    return {
        "mean": rounded(mean),
        "scale": rounded(scale),
        "layers": [[rounded(part.weight.detach().numpy().T), rounded(part.bias.detach().numpy())] for part in layers],
    }


def main() -> None:
    args = arguments(__doc__ or "", SETS)
    sets = args.sets.split(",")
    embed = encoder("all-minilm-l6-v2").encode
    told = {
        "fitted": f"{date.today().isoformat()}, by benchmarks/fit_same.py, on the fitting half of {', '.join(sets)}",
        "encoder": "all-minilm-l6-v2",
        "features": list(FEATURES),
        "same": fitted_same(args.data, sets, embed),
        "link": fitted_link(args.data, sets, embed),
    }
    OUT.write_text(json.dumps(told) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

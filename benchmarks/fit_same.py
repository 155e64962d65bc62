"""Fit the networks that say whether two names mean the same, on the half of the gold that is for fitting.

``python benchmarks/fit_same.py --data DIR`` writes ``atlas/canonical/same.json``; with ``--only link``, the network for
pairs stays as it is. Each set's pairs weigh about alike, however large the set is. For linking, two networks are fitted
so that a synonym's own concept comes out above the other names: ``choice`` over all that is looked at, ``link`` over
what it keeps. Seeds are fixed.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from rows import parser
from synonym_sets import SETS, names, read

from atlas.canonical.candidates import KEPT, best, familiarity, looked_at
from atlas.canonical.lexicon import known_pairs
from atlas.canonical.link import inputs
from atlas.canonical.neighbours import pairs
from atlas.canonical.pairs import FEATURES, features
from atlas.canonical.strings import Strings, taken_apart
from atlas.library.names import normal_form
from atlas.models.encoder import encoder
from atlas.models.network import CLAMP, network
from atlas.models.static import static_encoder

MODEL = "all-minilm-l6-v2"
OUT = Path(__file__).parent.parent / "atlas" / "canonical" / "same.json"
NEAREST = 15
HIDDEN = (32, 32)
STEPS = 2400
CHOICE_HIDDEN, CHOICE_STEPS, CHOICE_DECAY = (16,), 800, 0.01
LINK_STEPS, LINK_DECAY, DROPPED = 700, 0.5, 0.15  # few examples: more steps, or no dropout, learn them by heart
LISTS = 96  # synonyms in a step of the rankers
RATE = 6e-3
BATCH = 4096
QUERIES = 1500  # synonyms of a set that the ranking is fitted on
EVENED = 0.7  # a set weighs its number of true pairs to the power of one less this


def fitted_same(data: Path, sets: Sequence[str], embed) -> dict:  # type: ignore[no-untyped-def]
    values, truths, weights = [], [], []
    for name in sets:
        gold = names(read(data, name, "fit"))
        strings = taken_apart(gold.texts, embed([normal_form(text) for text in gold.texts]))
        rows = pairs(strings, NEAREST, known_pairs(strings))
        concept = np.array(gold.concept)
        same = concept[rows[:, 0]] == concept[rows[:, 1]]
        values.append(features(strings, rows))
        truths.append(same)
        weights.append(np.full(len(rows), max(200, same.sum()) ** -EVENED))
        print(f"{name}: {len(gold.texts)} names, {len(rows)} pairs, {same.sum()} true", flush=True)
    x, y, w = np.concatenate(values), np.concatenate(truths), np.concatenate(weights)
    net, mean, scale, x = _network(x, HIDDEN)
    truth, weight = torch.tensor(y, dtype=torch.float32), torch.tensor(w / w.mean(), dtype=torch.float32)
    cross_entropy = torch.nn.functional.binary_cross_entropy_with_logits

    def loss() -> torch.Tensor:
        rows = torch.randint(0, len(truth), (BATCH,))
        return (cross_entropy(net(x[rows])[:, 0], truth[rows], reduction="none") * weight[rows]).mean()

    _descend(net, loss, STEPS, 1e-3)
    return _told(net, mean, scale)


def fitted_link(data: Path, sets: Sequence[str], embed, quick) -> dict[str, dict]:  # type: ignore[no-untyped-def]
    """``choice`` and ``link``: which names are looked at closely, and which of these comes first."""
    asked = [_asked(data, name, embed) for name in sets]
    names = [name for one in asked for name in [one.name] * one.queries]
    looked = [(one, *looked_at(one.strings, one.used)) for one in asked]
    lists = [values for one, rows, seen in looked for values in _lists(one, rows, seen)]
    choice = _ranker(lists, names, CHOICE_HIDDEN, CHOICE_STEPS, CHOICE_DECAY)
    lists = []
    for one, rows, seen in looked:
        odds = network(choice).log_odds(seen)
        stay = best(rows, odds, KEPT)
        right = rows[stay, 0] == one.right[rows[stay, 1] - len(one.used)]
        print(f"{one.name}: {one.queries} synonyms among {len(one.used)} concepts, found {right.sum()}", flush=True)
        lists += _lists(one, rows[stay], inputs(one.strings, rows[stay], seen[stay], odds[stay], quick))
    return {"choice": choice, "link": _ranker(lists, names, HIDDEN, LINK_STEPS, LINK_DECAY, DROPPED)}


@dataclass(frozen=True, eq=False)
class Asked:
    """A set's synonyms behind its concepts; ``right`` is the concept of each synonym, int [queries]."""

    name: str
    strings: Strings
    used: np.ndarray
    right: np.ndarray

    @property
    def queries(self) -> int:
        return len(self.right)


def _asked(data: Path, name: str, embed) -> Asked:  # type: ignore[no-untyped-def]
    gold = read(data, name, "fit")
    asked = [(text, own) for own, others in gold.concepts for text in others if text != own]
    asked = asked[:: max(1, len(asked) // QUERIES)]
    place = {text: number for number, text in enumerate(gold.targets)}
    texts = [*gold.targets, *(text for text, _ in asked)]
    strings = taken_apart(texts, embed([normal_form(text) for text in texts]))
    used = familiarity([gold.counts.get(text, 0) for text in gold.targets])
    return Asked(name, strings, used, np.array([place[own] for _, own in asked]))


def _lists(asked: Asked, pairs: np.ndarray, values: np.ndarray) -> list[np.ndarray]:
    """The values of each query's candidates, its own concept first; empty where it is not among them."""
    known = len(asked.used)
    ends = np.searchsorted(pairs[:, 1], np.arange(known, known + asked.queries + 1))
    found = []
    for query, (first, last) in enumerate(pairwise(ends)):
        is_right = pairs[first:last, 0] == asked.right[query]
        order = np.argsort(~is_right, kind="stable")
        found.append(values[first:last][order] if is_right.any() else values[:0])
    return found


def _ranker(
    lists: Sequence[np.ndarray],
    sets: Sequence[str],
    hidden: Sequence[int],
    steps: int,
    decay: float,
    dropped: float = 0,
) -> dict:
    """A network that gives the first of each list the highest output (softmax over the list)."""
    told = [(values, name) for values, name in zip(lists, sets, strict=True) if len(values)]
    names = [name for _, name in told]
    net, mean, scale, flat = _network(np.concatenate([values for values, _ in told]), hidden, dropped)
    scaled = flat.split([len(values) for values, _ in told])
    weight = torch.tensor([names.count(name) ** -EVENED for name in names])
    weight /= weight.mean()

    def loss() -> torch.Tensor:
        rows = torch.randint(0, len(scaled), (LISTS,))
        lengths = torch.tensor([len(scaled[row]) for row in rows])
        padded = torch.nn.utils.rnn.pad_sequence([scaled[row] for row in rows], batch_first=True)
        beyond = torch.arange(padded.shape[1])[None, :] >= lengths[:, None]
        odds = net(padded)[..., 0].masked_fill(beyond, -1e9)
        first = torch.zeros(len(rows), dtype=torch.long)
        return (torch.nn.functional.cross_entropy(odds, first, reduction="none") * weight[rows]).mean()

    _descend(net, loss, steps, decay)
    return _told(net, mean, scale)


def _network(values: np.ndarray, hidden: Sequence[int], dropped: float = 0):  # type: ignore[no-untyped-def]
    torch.manual_seed(0)
    mean, scale = values.mean(axis=0), values.std(axis=0) + 1e-6
    scaled = torch.tensor((values - mean) / scale, dtype=torch.float32).clamp(-CLAMP, CLAMP)
    layers: list[torch.nn.Module] = []
    for width, after in pairwise((values.shape[1], *hidden)):
        layers += [torch.nn.Linear(width, after), torch.nn.ReLU(), torch.nn.Dropout(dropped)]
    return torch.nn.Sequential(*layers, torch.nn.Linear(hidden[-1], 1)), mean, scale, scaled


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
    flags = parser(__doc__ or "", SETS)
    flags.add_argument("--only", choices=["same", "link"], help="fit this part, and leave the other as it is")
    args = flags.parse_args()
    sets = args.sets.split(",")
    embed, quick = encoder(MODEL).encode, static_encoder(MODEL).encode
    told = json.loads(OUT.read_text(encoding="utf-8")) if args.only else {}
    by = f"{date.today().isoformat()}, by benchmarks/fit_same.py, on the fitting half of {', '.join(sets)}"
    told |= {"encoder": MODEL, "features": list(FEATURES)}
    if args.only != "link":
        told |= {"fitted": by, "same": fitted_same(args.data, sets, embed)}
    if args.only != "same":
        told |= {"fitted_link": by} | fitted_link(args.data, sets, embed, quick)
    OUT.write_text(json.dumps(told) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Which topics of a passage are kept: tags that the model wrote and phrases of the text, weighed alike.

A small language model writes good general topics and misses specific ones; phrases of the text are the reverse. Each
candidate gets the probability that a person would have given it, from a few features that cost next to nothing
beside the language model, and from what it means: labels are of some kinds ("health economics") and not of others
("recent years"), see ``kinds.py``. ``benchmarks/fit_choice.py`` fits the weights on human labels; the prompt file has
or names them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from atlas.library.names import normal_form
from atlas.models.network import Network
from atlas.tagging import kinds
from atlas.tagging.phrases import PHRASES_MOST, Phrase, phrases, words_of

Embed = Callable[[Sequence[str]], np.ndarray]  # texts to float32 [texts, dimensions], rows of length 1
# Cosine with the passage; mean cosine with all candidates; highest cosine with another tag of the model's; whether
# the model wrote it; how often its words stand in the passage; how early it stands there; whether it is long; how early
# the model wrote it; how many the model wrote.
Feature = Literal["passage", "kin", "model", "written", "words", "early", "longer", "place", "several"]
WORD_MOST = 5  # times that a word's occurrences count
FEATURES: tuple[Feature, ...] = get_args(Feature)
OF_PHRASES = [FEATURES.index(name) for name in ("passage", "kin", "words", "early", "longer")]  # need no language model
Weighed = Feature | Literal["kinds"]  # the last one: log odds by the network of kinds


@dataclass(frozen=True, slots=True)
class Choice:
    """How topics are chosen: ``bias`` and ``weights`` give the log odds of a candidate, or a network, ``weighing``.

    ``kinds`` is the network behind the weight of that name, where there is one; ``weighing`` needs it.
    At most ``most`` are kept, of those whose probability is at least ``least``. The next one is the one of highest
    probability less ``variety`` times its cosine with the most similar one kept so far (maximal marginal relevance,
    Carbonell & Goldstein, 1998); none is kept whose cosine with one of these is above ``alike``. One topic of the
    model's own is kept always.
    """

    weights: Mapping[Weighed, float]
    bias: float
    most: int
    least: float
    alike: float
    variety: float = 0.0
    kinds: Network | None = None
    weighing: Network | None = None


@dataclass(frozen=True, slots=True)
class Candidates:
    """The candidates of one passage.

    ``features`` is float32 [candidates, FEATURES], ``vectors`` are their embeddings, ``passage`` is the passage's.
    """

    tags: list[str]
    written: np.ndarray
    features: np.ndarray
    vectors: np.ndarray
    passage: np.ndarray

    @property
    def of_kinds(self) -> np.ndarray:
        """What the network of kinds is told of them, float32 [candidates, inputs]."""
        return kinds.inputs(self.features[:, OF_PHRASES], self.vectors, self.passage)

    def weighed(self, of_kinds: Network) -> np.ndarray:
        """What the network that weighs them is told: the features, and the log odds by the network of kinds, float32
        [candidates, features + 1]."""
        return np.hstack([self.features, of_kinds.log_odds(self.of_kinds)[:, None]]).astype(np.float32)


def candidates(
    passages: Sequence[str], written: Sequence[Sequence[str]], embed: Embed, most: int = PHRASES_MOST
) -> list[Candidates]:
    """Every tag that the model wrote about a passage, and at most so many phrases of its text, with their features."""
    found = [_gathered(passage, tags, most) for passage, tags in zip(passages, written, strict=True)]
    texts = list(dict.fromkeys([*passages, *(tag for own in found for tag in own.tags.values())]))
    vectors = dict(zip(texts, embed(texts), strict=True))
    return [_described(passage, own, vectors) for passage, own in zip(passages, found, strict=True)]


@dataclass(frozen=True, slots=True)
class _Gathered:
    """Candidates by normal form, the model's first; which are the model's; the passage's phrases by normal form."""

    tags: dict[str, str]
    written: np.ndarray
    phrases: dict[str, Phrase]


def _gathered(passage: str, written: Sequence[str], most: int) -> _Gathered:
    tags = {normal_form(tag): tag for tag in reversed(written)}
    tags = dict(reversed(tags.items()))
    own, inside = len(tags), phrases(passage, most)
    for form, phrase in inside.items():
        tags.setdefault(form, phrase.text)
    return _Gathered(tags, np.arange(len(tags)) < own, inside)


def _described(passage: str, gathered: _Gathered, vectors: Mapping[str, np.ndarray]) -> Candidates:
    tags, written, inside, words = gathered.tags, gathered.written, gathered.phrases, words_of(passage)
    dimensions = len(vectors[passage])
    matrix = np.array([vectors[tag] for tag in tags.values()], np.float32).reshape(len(tags), dimensions)
    alike = matrix @ matrix.T
    others = np.where(written[None, :] & ~np.eye(len(tags), dtype=bool), alike, 0.0)
    parts = [form.split() or [form] for form in tags]
    counted = [sum(min(words[word], WORD_MOST) for word in own) / len(own) for own in parts]
    features = np.column_stack(
        [
            matrix @ vectors[passage],
            alike.sum(axis=1) / max(len(tags), 1),
            others.max(axis=1, initial=0.0),
            written,
            np.log1p(counted),
            [1 - inside[form].first if form in inside else 0.0 for form in tags],
            [len(own) > 2 for own in parts],
            np.where(written, 1 / np.arange(1, len(tags) + 1), 0.0),  # what the model wrote comes first, in its order
            np.full(len(tags), written.sum()),
        ]
    ).astype(np.float32)
    return Candidates(list(tags.values()), written, features, matrix, vectors[passage])


def probabilities(found: Candidates, choice: Choice) -> np.ndarray:
    """The probability of each candidate, float64 [candidates]."""
    if choice.weighing is not None and choice.kinds is not None:
        odds = choice.weighing.log_odds(found.weighed(choice.kinds)).astype(np.float64)
    else:
        weights = np.array([choice.weights.get(name, 0.0) for name in FEATURES])
        odds = found.features @ weights + choice.bias
        if choice.kinds is not None and len(odds):
            odds = odds + choice.weights.get("kinds", 0.0) * choice.kinds.log_odds(found.of_kinds)
    return 1 / (1 + np.exp(-odds))


def chosen(found: Candidates, choice: Choice) -> list[str]:
    """The tags that are kept, in the order of their choice."""
    scores = probabilities(found, choice)
    nearest = np.full(len(scores), -1.0)  # cosine with the most similar one kept
    left = scores >= choice.least
    kept: list[int] = []
    while left.any() and len(kept) < choice.most:
        best = int(np.argmax(np.where(left, scores - choice.variety * np.maximum(nearest, 0), -np.inf)))
        kept.append(best)
        nearest = np.maximum(nearest, found.vectors @ found.vectors[best])
        left &= nearest <= choice.alike
        left[best] = False
    own = [int(number) for number in np.flatnonzero(found.written)]
    if own and not set(own) & set(kept):
        best = max(own, key=lambda number: float(scores[number]))
        kept = [*kept[: choice.most - 1], best]
    return [found.tags[number] for number in kept]

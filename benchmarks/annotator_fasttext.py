"""fastText, which reads text itself and so does not take the shared features."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from annotator_baselines import Labels

SEED = 0
READINGS = 300_000  # of documents: on a set of a thousand, 200 epochs are better than the usual 25
UPDATES = 1_000_000_000  # of pairs of document and label, about ten minutes; bounds the epochs where labels are many
RATES = (0.5, 0.2, 0.05)  # that it learns at: the first that does not end in numbers that are none


@dataclass(frozen=True)
class FastText:
    """A bag of the vectors of words, and of pairs of words where there are documents enough for it."""

    model: Any

    def predict(self, texts: Sequence[str], k: int) -> tuple[np.ndarray, np.ndarray]:
        ids = np.full((len(texts), k), -1, dtype=np.int64)
        scores = np.full((len(texts), k), -np.inf, dtype=np.float32)
        for row, text in enumerate(texts):
            # Not model.predict: it asks for an array without a copy, which numpy 2 refuses.
            for place, (score, label) in enumerate(self.model.f.predict(f"{_plain(text)}\n", k, 0.0, "strict")):
                ids[row, place], scores[row, place] = int(label.removeprefix("__label__")), score
        return ids, scores

    def save(self, folder: Path) -> None:
        self.model.save_model(str(folder / "model.bin"))


def softmax(texts: Sequence[str], labels: Labels, names: Sequence[str], work: Path) -> FastText:
    return _train(texts, labels, work, "softmax")


def one_vs_all(texts: Sequence[str], labels: Labels, names: Sequence[str], work: Path) -> FastText:
    return _train(texts, labels, work, "ova")


def _train(texts: Sequence[str], labels: Labels, work: Path, loss: str) -> FastText:
    import fasttext

    file = work / "train.txt"
    with file.open("w", encoding="utf-8") as stream:
        for text, own in zip(texts, labels, strict=True):
            print(*(f"__label__{label}" for label in own), _plain(text), file=stream)
    readings = min(READINGS, UPDATES / (1 + max(label for own in labels for label in own)))
    settings = {"epoch": int(np.clip(readings / len(texts), 10, 200)), "wordNgrams": 2 if len(texts) > 5000 else 1}
    model: Any = None
    for rate in RATES:
        try:
            model = fasttext.train_supervised(
                str(file), loss=loss, lr=rate, dim=100, bucket=400_000, thread=1, seed=SEED, verbose=0, **settings
            )
            break
        except RuntimeError as error:
            if "NaN" not in str(error) or rate == RATES[-1]:
                raise
    file.unlink()
    return FastText(model)


def _plain(text: str) -> str:
    """Words and marks apart, in lower case, on one line."""
    return " ".join(re.findall(r"\w+|[^\w\s]", text.lower()))

"""A frozen sentence model (MiniLM, int8 in CTranslate2) with a linear head, and untrained beside the labels' names."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atlas.models.int8 import Int8Encoder, int8_encoder

ENCODER = "all-minilm-l6-v2"
READ_AT_MOST = 8_000  # training documents, as reading takes some 20 ms each
EPOCHS, BATCH, RATE, DECAY = 60, 256, 0.02, 1e-6
SCALE = 10.0  # of vectors of length 1, so that weights need not grow far
TOGETHER = 1024


@dataclass(frozen=True)
class Head:
    """Scores ``vectors @ weights + bias``, through a sigmoid where they are to be probabilities."""

    encoder: Int8Encoder
    weights: np.ndarray  # float32 [dimensions, labels]
    bias: np.ndarray  # float32 [labels]
    probabilities: bool
    trained_on: int

    def predict(self, texts: Sequence[str], k: int) -> tuple[np.ndarray, np.ndarray]:
        ids, scores = [], []
        for start in range(0, len(texts), TOGETHER):
            found = self.encoder.encode(texts[start : start + TOGETHER]) @ self.weights + self.bias
            first = np.argpartition(-found, min(k, found.shape[1]) - 1, axis=1)[:, :k]
            ids.append(first)
            scores.append(np.take_along_axis(found, first, axis=1))
        every = np.concatenate(scores)
        return np.concatenate(ids), 1 / (1 + np.exp(-every)) if self.probabilities else every

    def save(self, folder: Path) -> None:
        """The head; the sentence model, 23 MB in int8, is the same for all."""
        np.savez(folder / "head.npz", weights=self.weights, bias=self.bias)


def linear(texts: Sequence[str], labels: Sequence[Sequence[int]], names: Sequence[str], work: Path) -> Head:
    """One logistic regression a label, all at once by Adam."""
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    encoder = int8_encoder(ENCODER, threads=1)
    texts, labels = texts[:READ_AT_MOST], labels[:READ_AT_MOST]
    vectors = torch.from_numpy(encoder.encode(texts) * SCALE)
    truth = torch.zeros((len(texts), len(names)), dtype=torch.bool)
    for row, own in enumerate(labels):
        truth[row, list(own)] = True
    share = (truth.sum(dim=0) + 0.5) / (len(texts) + 1)
    head = torch.nn.Linear(vectors.shape[1], len(names))
    with torch.no_grad():
        head.weight.zero_()
        head.bias.copy_(torch.logit(share))
    optimizer = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=DECAY)
    steps = EPOCHS * -(-len(texts) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(texts)).split(BATCH):
            optimizer.zero_grad()
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                head(vectors[rows]), truth[rows].float(), reduction="sum"
            )
            (loss / len(rows)).backward()
            optimizer.step()
            schedule.step()
    weights = head.weight.detach().numpy().T * SCALE
    return Head(encoder, np.ascontiguousarray(weights), head.bias.detach().numpy(), True, len(texts))


def name_similarity(texts: Sequence[str], labels: Sequence[Sequence[int]], names: Sequence[str], work: Path) -> Head:
    """Cosine of the document's vector and the label's name's, with nothing learned."""
    encoder = int8_encoder(ENCODER, threads=1)
    return Head(encoder, encoder.encode(names).T, np.zeros(len(names), dtype=np.float32), False, 0)

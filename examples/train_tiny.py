"""Train a small language model whose predictions run through concepts, on the CPU, in minutes.

    python examples/train_tiny.py runs/quickstart/annotations --minutes 8

The model is a causal transformer. Above it, its hidden state h is not read directly: it is turned into

    known    = sum over concepts c of p_c E_c,  with p = sigmoid(h P), one vector E_c for each concept
    residual = h A B,                           a narrow linear path for what no concept says

and a token's logit is (known + residual) . W: exactly the sum of what each concept adds, and the residual's part.
It is trained to predict tokens, and the concepts of each chunk from the mean of its tokens' concept logits; labels are
positive only, so they are a target for ranking rather than a full truth.

Printed: the loss on held-out documents beside that of token frequencies alone; how well concepts are detected there
(mean ROC-AUC over concepts) beside the same with the labels shuffled among chunks; and the share of the right token's
logit that flows through known concepts.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Literal

import numpy as np
import pyarrow.compute as pc
import pyarrow.dataset as ds
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn import functional as F

from atlas.reader import Windows, open_corpus, read_windows
from atlas.reader.torch_data import Loader

CONTEXT, BATCH = 128, 8
WIDTH, LAYERS, HEADS, RESIDUAL = 160, 4, 5, 20
WORDS = 4_000  # token ids that get an embedding: the most frequent ones; all others are one
FEWEST = 20  # chunks that a concept needs to take part
TEACHER_FORCED = 0.3  # share of training windows that run on the true labels in place of the model's own
RESIDUAL_DROPPED = 0.3  # share of training windows without the residual, so that concepts learn to carry the load


class Tiny(nn.Module):
    """A causal transformer with a concept layer in front of its tied, bias-free output."""

    def __init__(self, words: int, concepts: int) -> None:
        super().__init__()
        self.embed, self.place = nn.Embedding(words, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, 0.1, "gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, LAYERS, nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.detect = nn.Linear(WIDTH, concepts)
        self.meaning = nn.Embedding(concepts, WIDTH)
        self.narrow, self.widen = nn.Linear(WIDTH, RESIDUAL, bias=False), nn.Linear(RESIDUAL, WIDTH, bias=False)
        nn.init.constant_(self.detect.bias, -4.0)  # most concepts are on few chunks
        for embedding in (self.embed, self.place, self.meaning):
            nn.init.normal_(embedding.weight, std=0.02)

    def hidden(self, tokens: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1])
        places = self.place(torch.arange(tokens.shape[1]))
        return self.layers(self.embed(tokens) * WIDTH**0.5 + places, mask=mask, is_causal=True)

    def parts(self, hidden: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """What concepts of probabilities ``given`` [B, T, C] and what the residual add to the output, [B, T, WIDTH]."""
        return given @ self.meaning.weight, self.widen(self.narrow(hidden))


@dataclass(frozen=True)
class Data:
    """Windows of two halves of a corpus, and the ids that take part."""

    train: Windows
    held_out: Windows
    words: Tensor  # int64 [largest token id + 1]: a token's place in the vocabulary
    concepts: int
    frequencies: Tensor  # of the vocabulary in the training half, float32 [WORDS]


def load(run: str) -> Data:
    concepts = concepts_of(run)
    corpus = open_corpus(run)

    def windows(split: Literal["train", "validation"]) -> Windows:
        return read_windows(corpus, CONTEXT, split=split, validation=0.1, concepts=concepts, dense=True, seed=1)

    train = windows("train")
    counts = np.bincount(np.concatenate([window.tokens for window in windows("train")]).astype(np.int64))
    kept = np.argsort(-counts, kind="stable")[: WORDS - 1]
    words = torch.zeros(200_000, dtype=torch.int64)
    words[torch.from_numpy(kept)] = torch.arange(1, len(kept) + 1)
    seen = np.concatenate([[counts.sum() - counts[kept].sum()], counts[kept]])
    frequencies = torch.from_numpy((seen + 1) / (seen + 1).sum()).float()
    return Data(train, windows("validation"), words, len(concepts), frequencies)


def concepts_of(run: str) -> list[int]:
    """Concepts with examples enough."""
    lists = ds.dataset(f"{run}/parts", format="parquet").to_table(columns=["concept_ids"]).column(0)
    counted = pc.value_counts(pc.list_flatten(lists)).to_pylist()
    return sorted(found["values"] for found in counted if found["counts"] >= FEWEST)


def chunk_labels(spans: Tensor, concept_ids: Tensor, concepts: int) -> Tensor:
    """Which concepts each chunk has, float32 [S, C]; spans: row, start, end; concept_ids [S, N], padded with -1."""
    labels = torch.zeros(len(spans), concepts + 1)
    return labels.scatter_(1, torch.where(concept_ids < 0, concepts, concept_ids).long(), 1.0)[:, :concepts]


def over_chunks(values: Tensor, spans: Tensor) -> Tensor:
    """Mean of [B, T, C] over each chunk's tokens, [S, C]."""
    sums = F.pad(values.cumsum(1), (0, 0, 1, 0))
    row, start, end = spans.T
    return (sums[row, end] - sums[row, start]) / (end - start).clamp(min=1)[:, None]


def over_tokens(labels: Tensor, spans: Tensor, shape: torch.Size) -> Tensor:
    """Each chunk's labels on each of its tokens, [B, T, C]."""
    spread = torch.zeros(*shape, labels.shape[1])
    for (row, start, end), chunk in zip(spans.tolist(), labels, strict=True):
        spread[row, start:end] = chunk
    return spread


def fit(model: Tiny, data: Data, minutes: float) -> int:
    """Train for so long; returns the steps taken."""
    best = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.98), weight_decay=0.05)
    loader = Loader(data.train, batch_size=BATCH)
    started, step = perf_counter(), 0
    while (spent := perf_counter() - started) < 60 * minutes:
        for batch in loader:
            spent = perf_counter() - started
            if spent >= 60 * minutes:
                break
            for group in best.param_groups:
                group["lr"] = 1e-3 * min(1.0, step / 100, max(0.05, 1.2 - 1.2 * spent / (60 * minutes)))
            tokens, spans = data.words[batch["tokens"]], batch["spans"]
            hidden = model.hidden(tokens)
            logits = model.detect(hidden)
            labels = chunk_labels(spans, batch["span_concepts"], data.concepts)
            given = torch.sigmoid(logits)
            forced = torch.rand(len(tokens), 1, 1) < TEACHER_FORCED
            given = torch.where(forced, over_tokens(labels, spans, tokens.shape), given)
            known, residual = model.parts(hidden, given)
            residual = residual * (torch.rand(len(tokens), 1, 1) >= RESIDUAL_DROPPED)
            scores = (known + residual)[:, :-1] @ model.embed.weight.T
            language = F.cross_entropy(scores.flatten(0, 1), tokens[:, 1:].flatten())
            concept = F.binary_cross_entropy_with_logits(over_chunks(logits, spans), labels)
            best.zero_grad()
            (language + 20 * concept).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            best.step()
            if step % 100 == 0:
                print(f"{spent:5.0f} s  step {step:5}  language {language:.3f}  concepts {concept:.4f}", flush=True)
            step += 1
    return step


def judge(model: Tiny, data: Data) -> Iterator[tuple[str, float]]:
    """What is printed at the end, measured on held-out documents."""
    model.eval()
    losses, baseline, shares, found, truth = [], [], [], [], []
    with torch.no_grad():
        for batch in Loader(data.held_out, batch_size=BATCH, drop_last=False):
            tokens, spans = data.words[batch["tokens"]], batch["spans"]
            hidden = model.hidden(tokens)
            logits = model.detect(hidden)
            known, residual = model.parts(hidden, torch.sigmoid(logits))
            right = tokens[:, 1:]
            scores = (known + residual)[:, :-1] @ model.embed.weight.T
            losses.append(F.cross_entropy(scores.flatten(0, 1), right.flatten(), reduction="none"))
            baseline.append(-data.frequencies[right].log().flatten())
            wanted = model.embed(right)
            through, beside = (known[:, :-1] * wanted).sum(-1), (residual[:, :-1] * wanted).sum(-1)
            logit = scores.gather(2, right[..., None])[..., 0]
            torch.testing.assert_close(through + beside, logit, rtol=1e-3, atol=1e-3)  # the sum is the logit
            shares.append((through.abs() / (through.abs() + beside.abs())).flatten())
            found.append(over_chunks(logits, spans))
            truth.append(chunk_labels(spans, batch["span_concepts"], data.concepts))
    yield "language-model loss, held out (nats a token)", torch.cat(losses).mean().item()
    yield "  of token frequencies alone", torch.cat(baseline).mean().item()
    said, is_so = torch.cat(found).numpy(), torch.cat(truth).numpy()
    yield "concept detection, mean ROC-AUC, held out", detection(said, is_so)
    yield "  labels shuffled among chunks", detection(said, np.random.default_rng(0).permutation(is_so))
    yield "share of the right token's logit through known concepts", torch.cat(shares).mean().item()


def detection(said: np.ndarray, is_so: np.ndarray) -> float:
    """Mean ROC-AUC over concepts on five held-out chunks or more."""
    enough = (is_so.sum(0) >= 5) & (is_so.sum(0) < len(is_so))
    return float(np.mean([roc_auc_score(is_so[:, c], said[:, c]) for c in np.flatnonzero(enough)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="folder of an annotated run")
    parser.add_argument("--minutes", type=float, default=8.0)
    options = parser.parse_args()
    torch.manual_seed(0)
    data = load(options.run)
    model = Tiny(WORDS, data.concepts)
    size = sum(weights.numel() for weights in model.parameters())
    print(f"{data.train.tokens:,} tokens, {data.concepts} concepts, {size / 1e6:.1f} million parameters")
    steps = fit(model, data, options.minutes)
    print(f"{steps} steps")
    for name, value in judge(model, data):
        print(f"{name:58} {value:.3f}")


if __name__ == "__main__":
    main()

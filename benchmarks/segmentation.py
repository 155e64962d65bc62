"""Do chunks respect topic borders, and at what speed?

Documents with gold section borders (headings removed) are cut; a border between two sentences is right where
a section begins. Pk (Beeferman et al., 1999) and WindowDiff (Pevzner & Hearst, 2002) are in sentences, with
windows of half the mean section; lower is better. Chunks are much shorter than sections, so both punish every
system for cutting more often than the gold: compare systems of equal chunk size, and read ``recall`` (section
borders that are also chunk borders) beside ``borders`` (chunk borders per document).
"""

import gzip
import json
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from rows import Row, arguments, finish, median_seconds

from atlas.chunking.chunk import chunk_text
from atlas.chunking.config import ChunkConfig
from atlas.chunking.sentences import sentence_cuts
from atlas.chunking.tokenizer import tokenizer

SETS = ("openstax", "wikitext")
NAMED = tokenizer("cl100k_base")
Cutter = Callable[[str], list[int]]


def documents(path: Path) -> Iterator[tuple[str, list[int]]]:
    """Text and gold section starts (code points) of each document."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            segments = json.loads(line)["segments"]
            starts = np.cumsum([0, *(len(segment) + 1 for segment in segments)])[1:-1]
            yield "\n".join(segments), starts.tolist()


def sentence_starts(text: str) -> np.ndarray:
    """Where sentences begin: after every sentence end and every line break."""
    breaks = [i + 1 for i, character in enumerate(text) if character == "\n"]
    return np.unique([0, *breaks, *sentence_cuts(text, 0, len(text))])


def on_sentences(cuts: list[int], sentences: np.ndarray) -> np.ndarray:
    """Cuts as a mask over the gaps between sentences, each moved to the nearest gap."""
    mask = np.zeros(len(sentences), dtype=bool)
    for cut in cuts:
        mask[np.abs(sentences - cut).argmin()] = True
    mask[0] = False
    return mask


def pk_and_window_diff(gold: np.ndarray, found: np.ndarray) -> tuple[float, float]:
    """Both measures over all windows of half the mean gold segment."""
    size = max(2, round(len(gold) / (gold.sum() + 1) / 2))
    gold_sum, found_sum = np.cumsum(gold), np.cumsum(found)
    in_gold = gold_sum[size:] - gold_sum[:-size]
    in_found = found_sum[size:] - found_sum[:-size]
    if not len(in_gold):
        return 0.0, 0.0
    return float(((in_gold == 0) != (in_found == 0)).mean()), float((in_gold != in_found).mean())


def atlas(target: int) -> Cutter:
    config = ChunkConfig(target_tokens=target, max_tokens=2 * target)
    return lambda text: [chunk.start for chunk in chunk_text(text, config, NAMED)][1:]


def fixed_tokens(target: int) -> Cutter:
    """Every ``target`` tokens, wherever that falls."""

    def cut(text: str) -> list[int]:
        ends = np.cumsum(NAMED.byte_lengths(NAMED.encode(text)))
        chars = np.cumsum((np.frombuffer(text.encode(), np.uint8) & 0xC0) != 0x80)
        return chars[ends[target - 1 : -1 : target] - 1].tolist()

    return cut


def greedy_sentences(target: int) -> Cutter:
    """Sentences put together until the next would pass the target: the usual recipe."""

    def cut(text: str) -> list[int]:
        starts = [*sentence_starts(text).tolist(), len(text)]
        cuts, size = [], 0
        for start, stop in pairwise(starts):
            tokens = len(NAMED.encode(text[start:stop]))
            if size and size + tokens > target:
                cuts.append(start)
                size = 0
            size += tokens
        return cuts

    return cut


def cut_all(cutter: Cutter, texts: list[str]) -> None:
    for text in texts:
        cutter(text)


def never(_: str) -> list[int]:
    return []


def main() -> None:
    options = arguments(__doc__.splitlines()[0], SETS)
    systems: dict[str, Cutter] = {"baseline-never": never}
    for target in (100, 200, 400):
        systems |= {
            f"atlas-{target}": atlas(target),
            f"baseline-fixed-{target}": fixed_tokens(target),
            f"baseline-sentences-{target}": greedy_sentences(target),
        }
    rows: list[Row] = []
    for name in options.sets.split(","):
        gold = list(documents(options.data / "segmentation" / f"{name}.open.jsonl.gz"))
        sentences = [sentence_starts(text) for text, _ in gold]
        truth = [on_sentences(cuts, starts) for (_, cuts), starts in zip(gold, sentences, strict=True)]
        tokens = sum(len(NAMED.encode(text)) for text, _ in gold)
        for system, cutter in systems.items():
            found = [on_sentences(cutter(text), starts) for (text, _), starts in zip(gold, sentences, strict=True)]
            scores = [pk_and_window_diff(g, f) for g, f in zip(truth, found, strict=True) if g.any()]
            hits = sum(int((g & f).sum()) for g, f in zip(truth, found, strict=True))
            borders = sum(int(f.sum()) for f in found)
            seconds = median_seconds(partial(cut_all, cutter, [text for text, _ in gold]))
            rows.append(
                {
                    "benchmark": "segmentation",
                    "dataset": name,
                    "system": system,
                    "pk": float(np.mean([s[0] for s in scores])),
                    "window_diff": float(np.mean([s[1] for s in scores])),
                    "recall": hits / sum(int(g.sum()) for g in truth),
                    "precision": hits / borders if borders else None,
                    "borders": borders / len(gold),
                    "tokens_per_s": tokens / seconds if system != "baseline-never" else None,
                }
            )
    finish(rows, options.json)


if __name__ == "__main__":
    main()

"""Are Atlas's token ids tiktoken's, and how much sooner are they there? Texts of corpora, each read once by either.

    python benchmarks/encoding.py --data DIR [--sets a,b]

``differ`` counts texts whose ids are not the same. ``over_own`` is tiktoken's time over Atlas's, both on one thread;
the two take turns at each text, so that what else the machine does falls on both.
"""

import argparse
from pathlib import Path
from time import perf_counter

import numpy as np
import pyarrow.parquet as pq
from rows import Row, finish

from atlas.chunking.tokenizer import Tiktoken, tokenizer

MOST = 3_000  # texts of a set


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the benchmark data")
    parser.add_argument("--sets", help="comma-separated; all folders with an open.parquet that has texts, unless given")
    parser.add_argument("--json", type=Path, help="also write the rows as JSON")
    options = parser.parse_args()
    found = sorted(path.parent.name for path in options.data.glob("*/open.parquet"))
    rows = [measured(options.data, name) for name in (options.sets.split(",") if options.sets else found)]
    finish(rows, options.json)


def measured(data: Path, name: str) -> Row:
    texts = pq.read_table(data / name / "open.parquet", columns=["text"]).column("text").to_pylist()[:MOST]
    named = tokenizer("cl100k_base")
    assert isinstance(named, Tiktoken)
    named.encode("compiled, and its table made")
    tokens, differ, theirs, ours = 0, 0, 0.0, 0.0
    for text in filter(None, texts):
        start = perf_counter()
        wanted = Tiktoken.encode(named, text)
        middle = perf_counter()
        own = named.encode(text)
        ours += perf_counter() - middle
        theirs += middle - start
        tokens += len(wanted)
        differ += not np.array_equal(wanted, own)
    return {
        "benchmark": "encoding",
        "dataset": name,
        "system": "atlas",
        "texts": len(texts),
        "tokens": tokens,
        "differ": differ,
        "tokens_per_s": tokens / ours,
        "over_own": theirs / ours,
    }


if __name__ == "__main__":
    main()

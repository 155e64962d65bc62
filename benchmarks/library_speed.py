"""How long a library takes to build, by the number of distinct tags: the curve, beside semhash on the same strings.

``python benchmarks/library_speed.py --data DIR [--most 1000000]``. Tags are spelt as taggers spell them: names of the
gold sets and pairs of their words, in several spellings, used as Zipf's law has it, five on a chunk. semhash only finds
duplicates, over the same static vectors; Atlas normalises, compares, clusters, names, describes and links.
Needs ``pip install semhash``.
"""

import resource
from pathlib import Path
from time import perf_counter

import numpy as np
import pyarrow as pa
from rows import Row, arguments, finish
from synonym_sets import SETS, read

from atlas.canonical.build import build
from atlas.canonical.config import CanonicalizeConfig
from atlas.library.concept import Library
from atlas.models.int8 import quick_encoder
from atlas.models.static import static_encoder
from atlas.tables import FACETS, TAGS

SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000, 2_000_000)
TAGS_PER_CHUNK = 5
USES_PER_TAG = 4
MODEL = "all-minilm-l6-v2"


def spellings(data: Path, count: int, seed: int = 0) -> list[str]:
    """Distinct raw tags, the likely frequent ones first."""
    random = np.random.default_rng(seed)
    names = [name for set_ in SETS for own, others in read(data, set_).concepts for name in (own, *others)]
    names = [name.replace("-", " ") for name in dict.fromkeys(names)]
    random.shuffle(names)
    words = sorted({word for name in names for word in name.split() if word.isalpha() and len(word) > 3})
    found = dict.fromkeys(names[:count])
    while len(found) < count:
        name = names[random.integers(len(names))]
        match random.integers(5):
            case 0:
                spelt = name.title()
            case 1:
                spelt = name.replace(" ", "-")
            case 2:
                spelt = f"{name}s"
            case _:
                spelt = f"{words[random.integers(len(words))]} {name.split()[-1]}"
        found.setdefault(spelt)
    return list(found)


def table(tags: list[str], seed: int = 0) -> pa.Table:
    """A tag table in which each tag is seen at least once, and the first ones most often."""
    random = np.random.default_rng(seed)
    often = np.minimum(random.zipf(1.3, USES_PER_TAG * len(tags)) - 1, len(tags) - 1)
    uses = np.concatenate([np.arange(len(tags)), often])
    random.shuffle(uses)
    chunks = len(uses) // TAGS_PER_CHUNK
    values = pa.array(tags).take(pa.array(uses[: chunks * TAGS_PER_CHUNK]))
    offsets = pa.array(np.arange(chunks + 1, dtype=np.int32) * TAGS_PER_CHUNK)
    nothing = pa.ListArray.from_arrays(pa.array(np.zeros(chunks + 1, np.int32)), pa.array([], pa.string()))
    columns = dict.fromkeys(FACETS, nothing) | {"content": pa.ListArray.from_arrays(offsets, values)}
    columns["doc_id"] = pa.array([f"d{row // 2}" for row in range(chunks)])
    columns["text"] = pa.array(["A passage of a benchmark says little."] * chunks)
    for field in TAGS:
        if field.name not in columns:
            plain = "" if pa.types.is_string(field.type) else 0
            columns[field.name] = pa.array([plain] * chunks, field.type)
    return pa.table([columns[name] for name in TAGS.names], schema=TAGS)


def main() -> None:
    args = arguments(__doc__ or "", ["tags"], most=1_000_000)
    embed, quick = quick_encoder(MODEL).encode, static_encoder(MODEL).encode
    rows: list[Row] = []
    for size in [size for size in SIZES if size <= args.most]:
        tags = spellings(args.data, size)
        given = table(tags)
        started = perf_counter()
        library, funnel = build(given, Library(()), CanonicalizeConfig(), embed, quick)
        seconds = perf_counter() - started
        shared: Row = {"benchmark": "library_speed", "dataset": "tags", "distinct_tags": size}
        rows.append(
            {
                **shared,
                "system": "atlas",
                "seconds": round(seconds, 1),
                "tags_per_s": round(size / seconds),
                "forms": funnel.forms,
                "concepts": len(library.active),
                "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            }
        )
        seconds = _semhash(tags, quick)
        rows.append({**shared, "system": "semhash", "seconds": round(seconds, 1), "tags_per_s": round(size / seconds)})
        print(rows[-2:], flush=True)
    finish(rows, args.json)


def _semhash(tags: list[str], quick) -> float:  # type: ignore[no-untyped-def]
    from semhash import SemHash

    class Encoder:
        def encode(self, inputs: list[str], **_: object) -> np.ndarray:
            return quick(list(inputs))

    started = perf_counter()
    SemHash.from_records(records=tags, model=Encoder()).self_deduplicate()  # type: ignore[arg-type]
    return perf_counter() - started


if __name__ == "__main__":
    main()

"""How long until an annotator is there, and do workers of a machine share it? Processes of their own, Linux.

    python benchmarks/annotator_load.py --data DIR/webdocs --model ANNOTATOR [--processes 4] [--json FILE]

``import_s`` is of Python's packages, ``load_s`` of the annotator itself: settings, digest, weights mapped into memory.
``first_s`` is the first chunk, with compiled code read back. Then each labels ``CHUNKS`` chunks; the kernel is asked
what the file of weights takes while all have it: ``model_rss_mb`` is what a process sees of it, ``model_pss_mb``
its share where a page is divided among those that see it, ``model_private_mb`` what is its own.
"""

import argparse
import multiprocessing
import statistics
from pathlib import Path
from time import perf_counter
from typing import Any

import pyarrow.parquet as pq
from rows import finish

CHUNKS = 2_000
WAIT = 300  # seconds for a process to answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with Parquet files that have a column text")
    parser.add_argument("--model", type=Path, required=True, help="a trained annotator")
    parser.add_argument("--processes", type=int, default=4, help="that have it at the same time")
    parser.add_argument("--json", type=Path, help="also write the rows as JSON")
    options = parser.parse_args()
    texts = pieces(options.data)
    spawn = multiprocessing.get_context("spawn")
    both = spawn.Barrier(options.processes), spawn.Barrier(options.processes)
    answers: Any = spawn.Queue()
    workers = [
        spawn.Process(target=worker, args=(options.model, texts, both, answers)) for _ in range(options.processes)
    ]
    for process in workers:
        process.start()
    told = [answers.get(timeout=WAIT) for _ in workers]
    for process in workers:
        process.join()
    medians = {key: statistics.median(own[key] for own in told) for key in told[0]}
    size = (options.model / "model.safetensors").stat().st_size / 1e6
    row = {"benchmark": "annotator_load", "dataset": options.model.name, "system": f"{options.processes} processes"}
    finish([row | {"model_mb": size, **medians}], options.json)


def pieces(data: Path) -> list[str]:
    texts: list[str] = []
    for file in sorted(data.rglob("*.parquet")):
        for text in pq.read_table(file, columns=["text"]).column("text").to_pylist():
            texts += [text[start : start + 500] for start in range(0, len(text), 500)]
            if len(texts) >= CHUNKS:
                return texts[:CHUNKS]
    return texts


def worker(model: Path, texts: list[str], barriers: tuple[Any, Any], answers: Any) -> None:
    start = perf_counter()
    from atlas.annotator import artefact
    from atlas.annotator.stage import score_chunks
    from atlas.chunking.tokenizer import tokenizer

    imported = perf_counter()
    annotator = artefact.load(model)
    loaded = perf_counter()
    named = tokenizer(annotator.settings["featurizer"]["tokenizer"])
    tokens = [named.encode(text) for text in texts]
    ready = perf_counter()
    score_chunks(tokens[:1], annotator)
    first = perf_counter()
    score_chunks(tokens, annotator)
    here, asked = barriers
    here.wait(WAIT)
    memory = mapped(model / "model.safetensors")
    asked.wait(WAIT)
    seconds = {"import_s": imported - start, "load_s": loaded - imported, "first_s": first - ready}
    answers.put({"concepts": len(annotator.weights.concept_ids), **seconds, **memory})


def mapped(file: Path) -> dict[str, float]:
    """What a mapped file takes of this process's memory, MB."""
    found = {"Rss": 0.0, "Pss": 0.0, "Private_Clean": 0.0, "Private_Dirty": 0.0}
    inside = False
    for line in Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines():
        name, *values = line.split()
        if not name.endswith(":"):
            inside = line.endswith(str(file.resolve()))
        elif inside and name[:-1] in found:
            found[name[:-1]] += int(values[0]) * 1024 / 1e6
    private = found["Private_Clean"] + found["Private_Dirty"]
    return {"model_rss_mb": found["Rss"], "model_pss_mb": found["Pss"], "model_private_mb": private}


if __name__ == "__main__":
    main()

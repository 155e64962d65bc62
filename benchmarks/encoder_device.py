"""How fast are chunks labelled where a sentence model reads every one, on this machine's GPU, or on its CPU without?

    python benchmarks/encoder_device.py --data DIR --model ANNOTATOR [--sets a,b] [--steps transformer,annotate,workers]

Of an annotator of the encoder tier, in three steps. ``transformer``: pieces cut before, the model alone, by numbers'
type and by pieces read at a time; ``forward`` has its input on the device already, and ``cosine`` is with float32's
vectors. ``annotate``: documents in, labelled chunks out, in one process, and where the time goes: ``device`` is from
pieces to vectors, the rest is the host's. ``workers``: the same in several processes, which share the GPU.

Every piece of every chunk is read: ``cut`` is the share of chunks that take more than one window. Tokens are those of
the chunker (cl100k_base), pieces the model's, which reads each chunk's opening once more. ``over_published`` is beside
FineWeb-Edu's classifier: one score a document, cut at 512 tokens, 15 T tokens in 6,000 hours of H100
(arXiv 2406.17557).
"""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rows import Row, finish, parser

from atlas.annotator import artefact
from atlas.annotator.artefact import Annotator
from atlas.annotator.stage import READ_TOGETHER, annotate_documents
from atlas.chunking.config import ChunkConfig
from atlas.chunking.stage import chunk_documents
from atlas.chunking.tokenizer import tokenizer
from atlas.cores import cores
from atlas.models.encoder import PIECES_TOGETHER, Encoder, encoder
from atlas.models.fetch import locate
from atlas.models.windows import batches, of_texts
from atlas.tables import DOCUMENTS

PUBLISHED = 694_000  # tokens a second
SIZES = {"110": (103, 200), "256": (315, 512)}  # what chunks aim at and their most, for so many tokens in the mean
COMPARED = 512  # chunks whose vectors are compared
ROUNDS = 3
WAIT = 150  # seconds for a process to answer


def main() -> None:
    asked = parser(__doc__.splitlines()[0], ["webdocs"])
    asked.add_argument("--model", type=Path, required=True, help="an annotator of the encoder tier")
    asked.add_argument("--steps", default="transformer,annotate,workers", help="comma-separated")
    asked.add_argument("--sizes", default="110,256", help="tokens of chunks, of: 110, 256")
    asked.add_argument("--chunks", type=int, default=8_000, help="of each size, about")
    asked.add_argument("--together", default="8192,32768,131072", help="pieces that the transformer reads at a time")
    asked.add_argument("--processes", default="1,4,8,12", help="numbers of processes that share the device")
    asked.add_argument("--seconds", type=float, default=4.0, help="that each number of processes works")
    options = asked.parse_args()
    rows: list[Row] = []
    for step in options.steps.split(","):
        rows += {"transformer": transformer, "annotate": annotate, "workers": workers}[step](options)
    print(f"device: {described_device()}, {cores()} cores")
    finish([{"benchmark": "encoder_device", **row} for row in rows], options.json)


def documents(options: Any, size: str) -> list[pa.RecordBatch]:
    """Documents of a set, in batches of about so many chunks as a model reads in one call."""
    name = options.sets.split(",")[0]
    texts = pq.read_table(options.data / name / "open.parquet", columns=["text"])["text"].to_pylist()
    config, named = settings(size), tokenizer("cl100k_base")
    found: list[pa.RecordBatch] = []
    together: list[str] = []
    chunks = total = 0
    for text in texts:
        together.append(text)
        chunks += -(-len(named.encode(text)) // config.target_tokens)
        if chunks >= READ_TOGETHER or total + chunks >= options.chunks:
            rows = [{"doc_id": str(number), "text": text, "source": name} for number, text in enumerate(together)]
            found.append(pa.RecordBatch.from_pylist(rows, schema=DOCUMENTS))
            together, chunks, total = [], 0, total + chunks
        if total >= options.chunks:
            break
    return found


def settings(size: str) -> ChunkConfig:
    target, most = SIZES[size]
    return ChunkConfig(target_tokens=target, max_tokens=most)


def loaded(options: Any, size: str, clock: "Clocked | None" = None) -> Annotator:
    """The annotator, made to cut chunks of a size, and to read them with the model that a GPU has."""
    found = artefact.load(options.model)
    embed = clock or encoder(found.settings["train"]["encoder"]).encode
    return replace(found, settings={**found.settings, "chunk": settings(size).model_dump()}, embed=embed)


def transformer(options: Any) -> list[Row]:
    import torch

    name = artefact.read_settings(options.model)["train"]["encoder"]
    rows: list[Row] = []
    plain = Encoder(locate(name))
    plain._model.float()
    types = [torch.bfloat16, torch.float32, torch.float16] if device() == "cuda" else [torch.bfloat16, torch.float32]
    for size in options.sizes.split(","):
        chunked = [
            chunk_documents(batch, settings(size), tokenizer("cl100k_base")) for batch in documents(options, size)
        ]
        texts = [text for one in chunked for text in one.columns.column("text").to_pylist()]
        tokens = sum(len(ids) for one in chunked for ids in one.tokens)
        found = plain.cut(texts)
        pieces = sum(len(ids) for ids in found.ids)
        some = plain.cut(texts[:COMPARED])
        wanted = of_texts(plain.read(some.ids), some.starts)
        for kind in types:
            model = plain if kind == torch.float32 else Encoder(locate(name))
            model._model.to(kind)
            cosine = (of_texts(model.read(some.ids), some.starts) * wanted).sum(axis=1)
            print(f"{size}, {kind}: cosine with float32 {cosine.mean():.6f} in the mean, {cosine.min():.6f} at least")
            for together in numbers(options.together) if kind == types[-1] else [PIECES_TOGETHER[device()]]:
                read = best(partial(model.read, found.ids, together))
                inputs = [model.inputs([found.ids[n] for n in batch]) for batch in batches(found.ids, together)]
                forward = best(partial(through, model, inputs))
                padding = sum(one["input_ids"].numel() for one in inputs) / pieces - 1
                rows.append(
                    {
                        "dataset": described(options, size, "transformer"),
                        "system": f"atlas-transformer {str(kind).removeprefix('torch.')}",
                        "together": together,
                        "tokens a chunk": tokens / len(texts),
                        "cut": float(np.mean(np.diff([*found.starts, len(found.ids)]) > 1)),
                        "pieces_a_token": pieces / tokens,
                        "padding": padding,
                        "tokens_per_s": tokens / read,
                        "pieces_per_s": pieces / read,
                        "forward tokens_per_s": tokens / forward,
                        "over_published": tokens / read / PUBLISHED,
                        "cosine": float(cosine.mean()),
                        "least cosine": float(cosine.min()),
                    }
                )
    return rows


def through(model: Encoder, inputs: Sequence[dict[str, Any]]) -> None:
    import torch

    with torch.inference_mode():
        for one in inputs:
            model._model.forward(dict(one))
    if device() == "cuda":
        torch.cuda.synchronize()


def best(work: Callable[[], Any]) -> float:
    """Least seconds of some rounds, after one that is not timed."""
    work()
    seconds = []
    for _ in range(ROUNDS):
        start = perf_counter()
        work()
        seconds.append(perf_counter() - start)
    return min(seconds)


class Clocked:
    """A model's ``encode`` that counts what it reads, and the seconds of its parts."""

    def __init__(self, model: Encoder) -> None:
        self.model = model
        self.reset()

    def reset(self) -> None:
        self.cut = self.device = 0.0
        self.pieces = 0

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        start = perf_counter()
        found = self.model.cut(texts)
        middle = perf_counter()
        vectors = self.model.read(found.ids)  # fetched, so the device has done with them
        self.device += perf_counter() - middle
        self.cut += middle - start
        self.pieces += sum(len(ids) for ids in found.ids)
        return of_texts(vectors, found.starts)


def annotate(options: Any) -> list[Row]:
    clock = Clocked(encoder(artefact.read_settings(options.model)["train"]["encoder"]))
    rows = []
    for size in options.sizes.split(","):
        annotator = loaded(options, size, clock)
        batches = documents(options, size)
        annotate_documents(batches[0].slice(0, 20), annotator, text=False)
        tries = []
        for _ in range(ROUNDS):
            clock.reset()
            start = perf_counter()
            made = [annotate_documents(batch, annotator, text=False) for batch in batches]
            middle = perf_counter()
            for batch in batches:
                chunk_documents(batch, settings(size), tokenizer("cl100k_base"))
            tries.append((middle - start, perf_counter() - middle, clock.cut, clock.device))
        whole, chunk, cut, reading = min(tries)
        chunks = sum(one.num_rows for one in made)
        tokens = sum(sum(one.column("token_count").to_pylist()) for one in made)
        each = 1e6 / chunks
        rows.append(
            {
                "dataset": described(options, size, "annotate"),
                "system": "atlas-encoder, 1 process",
                "tokens a chunk": tokens / chunks,
                "concepts": len(annotator.weights.concept_ids),
                "chunks_per_s": chunks / whole,
                "tokens_per_s": tokens / whole,
                "over_published": tokens / whole / PUBLISHED,
                "pieces_per_s": clock.pieces / whole,
                "device, us a chunk": reading * each,
                "pieces, us": cut * each,
                "chunk and tokenize, us": chunk * each,
                "label, us": (whole - reading - cut - chunk) * each,
                "device tokens_per_s": tokens / reading,
            }
        )
    return rows


def workers(options: Any) -> list[Row]:
    shares = numbers(options.processes)
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(max(shares)), context.Queue()
    sizes = options.sizes.split(",")
    plan = [(sizes[0], number) for number in shares] + [(size, max(shares)) for size in sizes[1:]]
    before = os.environ.copy()
    os.environ |= dict.fromkeys(("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    made = [context.Process(target=work, args=(options, n, plan, barrier, answers)) for n in range(max(shares))]
    for process in made:
        process.start()
    os.environ.clear()
    os.environ |= before
    told = []
    for _ in range(sum(number for _, number in plan)):
        told.append(answers.get(timeout=WAIT))
        if told[-1] is None:
            raise SystemExit("a process failed; its error is above")
    for process in made:
        process.join()
    rows = []
    for phase, (size, number) in enumerate(plan):
        own = [one for one in told if one[0] == phase]
        chunks_a_s, tokens_a_s = (sum(one[place] / one[3] for one in own) for place in (1, 2))
        rows.append(
            {
                "dataset": described(options, size, "workers"),
                "system": f"atlas-encoder, {number} processes",
                "chunks_per_s": chunks_a_s,
                "tokens_per_s": tokens_a_s,
                "over_published": tokens_a_s / PUBLISHED,
            }
        )
    return rows


def work(options: Any, number: int, plan: list[tuple[str, int]], barrier: Any, answers: Any) -> None:
    """One process: in each phase that it takes part in, label batches until the time is over."""
    try:
        own = {
            size: (loaded(options, size), documents(options, size)) for size in dict.fromkeys(size for size, _ in plan)
        }
        for annotator, batches in own.values():
            annotate_documents(batches[0], annotator, text=False)
    except BaseException:
        answers.put(None)
        barrier.abort()
        raise
    for phase, (size, processes) in enumerate(plan):
        annotator, batches = own[size]
        barrier.wait()
        if number >= processes:
            continue
        chunks = tokens = 0
        start = perf_counter()
        for batch in islice(cycle(batches), number, None):
            made = annotate_documents(batch, annotator, text=False)
            chunks += made.num_rows
            tokens += sum(made.column("token_count").to_pylist())
            if perf_counter() - start >= options.seconds:
                break
        answers.put((phase, chunks, tokens, perf_counter() - start))


def described(options: Any, size: str, step: str) -> str:
    return f"{step}: {options.sets.split(',')[0]}, chunks of about {size} tokens"


def numbers(listed: str) -> list[int]:
    return [int(number) for number in listed.split(",")]


def device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def described_device() -> str:
    import torch

    return torch.cuda.get_device_name(0) if device() == "cuda" else "cpu"


if __name__ == "__main__":
    main()

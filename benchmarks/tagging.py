"""What does Atlas add to the raw engine's time, and which batch size is fastest?

Real chunks (``--data examples/corpus``) are tagged with the embedded engine three ways in turn: the raw
CTranslate2 generator on ready prompts, Atlas's engine, and the whole tag stage. Medians of three rounds.
"""

import statistics
from time import perf_counter
from typing import Any

import pyarrow as pa
from rows import Row, arguments, finish

from atlas.chunking.config import ChunkConfig
from atlas.chunking.stage import chunk_documents
from atlas.chunking.tokenizer import tokenizer
from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.llm.ctranslate2 import CTranslate2Config, CTranslate2Engine, load
from atlas.tagging.prompt import Question, prompt_file, questions
from atlas.tagging.stage import tag_chunks

CHUNKS = 48
ROUNDS = 3
PROMPT = "smollm2.v1"


def sample(corpus: str) -> pa.RecordBatch:
    """The same chunks each time: one of every document, spread over the corpus."""
    source = DocumentSource(CorpusConfig(path=corpus, id="doc_id"))
    config = ChunkConfig()
    batches = [
        chunk_documents(batch.documents, config, tokenizer(config.tokenizer)).columns
        for unit in source.units()
        for batch in source.read(unit)
    ]
    table = pa.Table.from_batches(batches)
    step = table.num_rows // CHUNKS
    return table.take(list(range(0, step * CHUNKS, step))).combine_chunks().to_batches()[0]


def raw(engine: CTranslate2Engine, asked: list[Question], prompts: list[list[list[str]]]) -> int:
    """The generator alone, on prompts already encoded and sorted. Returns tokens written."""
    results: list[Any] = []
    for question, encoded in zip(asked, prompts, strict=True):
        results += engine.generate(question.static, encoded, question.sampling)
    return sum(len(result.sequences_ids[0]) for result in results)


def main() -> None:
    options = arguments(__doc__.splitlines()[0], ["overhead", "batch"])
    chunks = sample(str(options.data))
    passages = chunks.column("text").to_pylist()
    asked = questions(prompt_file(PROMPT))
    rows: list[Row] = []
    if "overhead" in options.sets:
        rows += overhead(chunks, passages, asked)
    if "batch" in options.sets:
        rows += batch_sizes(passages, asked[:1])
    finish(rows, options.json)


def overhead(chunks: pa.RecordBatch, passages: list[str], asked: list[Question]) -> list[Row]:
    engine = load(CTranslate2Config())
    prompts = [sorted((engine.encode(q.about(p).text) for p in passages), key=len) for q in asked]
    systems = {
        "ctranslate2-raw": lambda: raw(engine, asked, prompts),
        "atlas-engine": lambda: [engine.complete([q.about(p) for p in passages], q.sampling) for q in asked],
        "atlas-stage": lambda: tag_chunks(chunks, engine, asked, PROMPT),
    }
    times: dict[str, list[float]] = {name: [] for name in systems}
    raw(engine, asked[:1], prompts[:1])  # warm up
    for _ in range(ROUNDS):
        for name, work in systems.items():
            start = perf_counter()
            work()
            times[name].append(perf_counter() - start)
    base = statistics.median(times["ctranslate2-raw"])
    return [
        {
            "benchmark": "tagging",
            "dataset": f"{len(passages)} chunks, prompt {PROMPT}",
            "system": name,
            "chunks_per_s": len(passages) / statistics.median(seconds),
            "time_over_raw": statistics.median(seconds) / base,
        }
        for name, seconds in times.items()
    ]


def batch_sizes(passages: list[str], asked: list[Question]) -> list[Row]:
    rows: list[Row] = []
    engines = {size: load(CTranslate2Config(batch_size=size)) for size in (2, 4, 8, 16)}
    times: dict[int, list[float]] = {size: [] for size in engines}
    for _ in range(ROUNDS):
        for size, engine in engines.items():
            start = perf_counter()
            for question in asked:
                engine.complete([question.about(p) for p in passages], question.sampling)
            times[size].append(perf_counter() - start)
    for size, seconds in times.items():
        rate = len(passages) / statistics.median(seconds)
        name = f"atlas-engine batch {size}"
        rows.append({"benchmark": "tagging", "dataset": "topics alone", "system": name, "chunks_per_s": rate})
    return rows


if __name__ == "__main__":
    main()

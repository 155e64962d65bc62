"""What a dry run foretells is near to what the run then finds, and is found from a few documents."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.chunking.config import ChunkConfig
from atlas.chunking.stage import ChunkStage
from atlas.cli.probe import PROBED_BYTES, PROBED_DOCUMENTS, PROBED_UNITS, probe, stretches
from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.corpus.units import Unit
from atlas.stage import Process

SENTENCE = "The tide turns at noon every day, whatever the harbour master says. "
FILES = [(200, 1), *9 * [(40, 30)]]  # documents, sentences in each: the first file is unlike the others
DOCUMENTS = sum(documents for documents, _ in FILES)


def _rows(file: int) -> list[dict[str, str]]:
    documents, sentences = FILES[file]
    return [{"id": f"{file}-{row}", "text": SENTENCE * sentences + str(row), "x": "y" * 40} for row in range(documents)]


def _json_lines(file: int) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in _rows(file)).encode()


def _parquet(file: int) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(_rows(file)), sink)
    return sink.getvalue().to_pybytes()


WRITERS: dict[str, Callable[[int], bytes]] = {
    "jsonl": _json_lines,
    "parquet": _parquet,
    "jsonl.gz": lambda file: gzip.compress(_json_lines(file)),
}


def _source(folder: Path, ending: str) -> DocumentSource:
    for file in range(len(FILES)):
        (folder / f"{file}.{ending}").write_bytes(WRITERS[ending](file))
    return DocumentSource(CorpusConfig(path=str(folder), id="id"))


def _tokens(source: DocumentSource) -> int:
    process = ChunkStage(ChunkConfig()).load()
    batches = (batch.documents for unit in source.units() for batch in source.read(unit))
    return sum(sum(process(batch).column("token_count").to_pylist()) for batch in batches)


@pytest.mark.parametrize(("ending", "off"), [("jsonl", 0.02), ("parquet", 0.02), ("jsonl.gz", 0.6)])
def test_corpus_whose_first_file_is_unlike_the_others_is_foretold(tmp_path: Path, ending: str, off: float) -> None:
    source = _source(tmp_path, ending)
    units = source.units()
    documents, tokens, seconds = probe(ChunkStage(ChunkConfig()), source, units[1:])
    assert documents == pytest.approx(DOCUMENTS - FILES[0][0], rel=off)
    documents, tokens, seconds = probe(ChunkStage(ChunkConfig()), source, units)
    assert tokens == pytest.approx(_tokens(source), rel=max(off, 0.25))
    assert seconds > 0


def test_files_of_several_units_that_begin_alike_do_not_mislead(tmp_path: Path) -> None:
    for file in range(12):  # each begins with short documents
        rows = [{"id": f"{file}-{row}", "text": SENTENCE * (1 if row < 60 else 12)} for row in range(180)]
        (tmp_path / f"{file:02}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    size = (tmp_path / "00.jsonl").stat().st_size
    source = DocumentSource(CorpusConfig(path=str(tmp_path), id="id", unit_bytes=size // 20 + 1))
    documents, tokens, _ = probe(ChunkStage(ChunkConfig()), source, source.units())
    assert documents == pytest.approx(12 * 180, rel=0.7)
    assert tokens == pytest.approx(_tokens(source), rel=0.2)


def test_few_documents_are_tried_however_many_there_are(tmp_path: Path) -> None:
    source = _source(tmp_path, "jsonl")
    seen: list[int] = []

    class Watched(ChunkStage):
        def load(self) -> Process:
            process = super().load()

            def watching(documents: pa.RecordBatch) -> pa.RecordBatch:
                seen.append(documents.num_rows)
                assert sum(map(len, documents.column("text").to_pylist())) <= PROBED_BYTES
                return process(documents)

            return watching

    probe(Watched(ChunkConfig()), source, source.units())
    assert sum(seen) <= PROBED_UNITS * PROBED_DOCUMENTS + 1


def test_documents_that_can_not_be_processed_do_not_stop_a_plan(tmp_path: Path) -> None:
    source = _source(tmp_path, "jsonl")

    class Raising(ChunkStage):
        def load(self) -> Process:
            def raising(documents: pa.RecordBatch) -> pa.RecordBatch:
                raise ValueError("a stone")

            return raising

    documents, tokens, _ = probe(Raising(ChunkConfig()), source, source.units())
    assert documents > 0
    assert tokens == 0


def test_corpus_without_one_good_row_has_a_plan(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"text": null}\n{"text": 7}\n')
    source = DocumentSource(CorpusConfig(path=str(tmp_path)))
    documents, tokens, _ = probe(ChunkStage(ChunkConfig()), source, source.units())
    assert documents > 0
    assert tokens == 0


@given(st.integers(1, 200))
def test_stretches_partition_the_units_evenly(count: int) -> None:
    units = [Unit(str(n), "jsonl", "", "", n, n + 1, "", -1, 1) for n in range(count)]
    found = stretches(units)
    assert [unit for stretch in found for unit in stretch] == units
    assert len(found) == min(count, PROBED_UNITS)
    assert max(map(len, found)) - min(map(len, found)) <= 1

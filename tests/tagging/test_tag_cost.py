"""A look at a corpus, and what a chunk costs: from few documents, and never from an engine that was not asked."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from atlas.chunking.config import ChunkConfig
from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.llm.ctranslate2 import CTranslate2Config
from atlas.llm.openai import OpenAIConfig
from atlas.tables import CHUNKS
from atlas.tagging.config import SampleConfig, TagConfig
from atlas.tagging.probe import PROBED_CHUNKS, chunk_cost, look

CHUNK = ChunkConfig(target_tokens=16, max_tokens=32)
NONE = pa.RecordBatch.from_pylist([], schema=CHUNKS)


def source_of(path: Path, documents: int, sentences: int) -> DocumentSource:
    texts = [" ".join(f"Sentence {d}-{s} tells of the tides." for s in range(sentences)) for d in range(documents)]
    table = pa.table({"doc_id": [f"d{d}" for d in range(documents)], "text": texts})
    pq.write_table(table, path, row_group_size=50)
    return DocumentSource(CorpusConfig(path=str(path), id="doc_id", unit_bytes=1))


def test_look_tells_how_many_chunks_may_be_sampled(tmp_path: Path) -> None:
    """Every document has more chunks than may be taken of it."""
    source = source_of(tmp_path / "c.parquet", documents=400, sentences=12)
    seen = look(source, CHUNK, SampleConfig(per_document=3, min_tokens=4))
    assert seen.available == 1200
    assert 0 < seen.chunks.num_rows <= PROBED_CHUNKS
    assert len(set(seen.chunks.column("doc_id").to_pylist())) > 5


def test_look_passes_over_chunks_that_are_too_short(tmp_path: Path) -> None:
    source = source_of(tmp_path / "c.parquet", documents=20, sentences=1)
    assert look(source, CHUNK, SampleConfig(min_tokens=100)).available == 0


def test_model_that_was_not_fetched_has_the_documented_rate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ATLAS_CACHE", str(tmp_path))
    cost = chunk_cost(TagConfig(engine=CTranslate2Config(price_per_hour=9000)), NONE)
    assert (cost.prompt_tokens, cost.seconds, cost.money) == (None, 0.4, pytest.approx(1.0))
    assert "atlas models fetch atlas-tagger-135m" in cost.basis


def test_server_is_not_asked_where_it_may_send_a_bill() -> None:
    """Nothing listens there; asking would raise."""
    engine = OpenAIConfig(base_url="http://127.0.0.1:9/v1", model="m", chunks_per_s=4, price_per_million_input=1)
    cost = chunk_cost(TagConfig(engine=engine, prompt="json.v1"), NONE, paid=False)
    assert (cost.seconds, cost.money) == (0.25, None)  # a price of tokens, and their number is not known
    assert "--estimate" in cost.basis


@pytest.mark.slow
def test_a_few_chunks_are_tagged_for_real(tmp_path: Path) -> None:
    source = source_of(tmp_path / "c.parquet", documents=20, sentences=6)
    seen = look(source, CHUNK, SampleConfig(min_tokens=4))
    cost = chunk_cost(TagConfig(engine=CTranslate2Config(price_per_hour=1)), seen.chunks)
    assert cost.seconds is not None
    assert cost.money == pytest.approx(cost.seconds / 3600)
    assert "8 chunks were tagged" in cost.basis

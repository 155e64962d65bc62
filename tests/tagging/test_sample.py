"""The sample: the same on every machine, fair to sources and documents, and never more than asked."""

from collections import Counter
from collections.abc import Callable
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.chunking.config import ChunkConfig
from atlas.corpus.config import CorpusConfig
from atlas.errors import AtlasError
from atlas.llm.ctranslate2 import CTranslate2Config
from atlas.tables import CHUNKS
from atlas.tagging.config import SampleConfig, TagConfig
from atlas.tagging.draw import choose, share
from atlas.tagging.sample import write_sample

AVAILABLE = st.dictionaries(st.text(max_size=3), st.integers(0, 5000), max_size=8)
Key = tuple[str, int, str]
SMALL = ChunkConfig(target_tokens=16, max_tokens=32)


@st.composite
def keys(draw: st.DrawFn) -> list[Key]:
    """Chunk keys of a corpus: each document has one source and chunks 0 to n-1."""
    documents = draw(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 6)), max_size=25))
    return [(f"d{number}", chunk, source) for number, (source, n) in enumerate(documents) for chunk in range(n)]


# Shares


@settings(deadline=None)
@given(AVAILABLE, st.integers(0, 10_000))
def test_shares_sum_to_the_budget_and_never_exceed_what_is_there(available: dict[str, int], budget: int) -> None:
    given_ = share(available, budget)
    assert given_.keys() == available.keys()
    assert sum(given_.values()) == min(budget, sum(available.values()))
    assert all(0 <= given_[source] <= available[source] for source in available)


@settings(deadline=None)
@given(AVAILABLE, st.integers(0, 10_000))
def test_shares_do_not_depend_on_the_order_of_sources(available: dict[str, int], budget: int) -> None:
    assert share(dict(reversed(available.items())), budget) == share(available, budget)


def test_shares_keep_small_sources_visible() -> None:
    given_ = share({"web": 1_000_000, "books": 10_000, "code": 100}, 1000)
    assert given_["web"] > given_["books"] > given_["code"]
    assert given_["code"] >= 5  # in proportion to size it would be none


def test_budget_above_what_is_there_takes_all() -> None:
    assert share({"a": 3, "b": 5}, 100) == {"a": 3, "b": 5}


# Choices


@settings(deadline=None)
@given(keys(), st.randoms(use_true_random=False), st.integers(1, 40), st.integers(1, 3))
def test_choice_does_not_depend_on_the_order_of_documents(
    corpus: list[Key], random: object, budget: int, per_document: int
) -> None:
    config = SampleConfig(per_document=per_document)
    documents = [list(chunks) for _, chunks in groupby(corpus, key=itemgetter(0))]
    random.shuffle(documents)  # type: ignore[attr-defined]
    assert choose(chain.from_iterable(documents), config, budget) == choose(corpus, config, budget)


@settings(deadline=None)
@given(keys(), st.integers(1, 40), st.integers(1, 3))
def test_choice_keeps_to_budget_and_documents(corpus: list[Key], budget: int, per_document: int) -> None:
    chosen = choose(corpus, SampleConfig(per_document=per_document), budget)
    sizes = Counter(doc_id for doc_id, _, _ in corpus)
    assert chosen <= {(doc_id, chunk_id) for doc_id, chunk_id, _ in corpus}
    assert max(Counter(doc_id for doc_id, _ in chosen).values(), default=0) <= per_document
    assert len(chosen) == min(budget, sum(min(size, per_document) for size in sizes.values()))


def test_every_document_has_its_first_pick_before_any_has_its_second() -> None:
    corpus = [(f"d{number}", chunk, "web") for number in range(30) for chunk in range(5)]
    chosen = choose(corpus, SampleConfig(per_document=5), 40)
    assert sorted(Counter(doc_id for doc_id, _ in chosen).values()) == [1] * 20 + [2] * 10


def test_another_seed_is_another_sample() -> None:
    corpus = [(f"d{number}", 0, "web") for number in range(100)]
    first, second = (choose(corpus, SampleConfig(seed=seed), 10) for seed in (0, 1))
    assert first != second
    assert choose(corpus, SampleConfig(seed=0), 10) == first


# The file


def corpus_of(folder: Path, documents: dict[str, list[tuple[str, str]]], rows_per_group: int = 3) -> CorpusConfig:
    """Parquet files: for each source its (doc_id, text), in a file of the source's name."""
    folder.mkdir(exist_ok=True)
    for source, pairs in documents.items():
        write_file(folder / f"{source}.parquet", source, pairs, rows_per_group)
    return CorpusConfig(path=str(folder), id="doc_id", source="source", unit_bytes=1)


def write_file(path: Path, source: str, pairs: list[tuple[str, str]], rows_per_group: int) -> None:
    ids, texts = zip(*pairs, strict=True)
    table = pa.table({"doc_id": ids, "text": texts, "source": [source] * len(ids)})
    pq.write_table(table, path, row_group_size=rows_per_group)


def prose(seed: int, sentences: int = 12) -> str:
    return " ".join(f"Sentence {seed}-{n} tells of the tides and the moon above them." for n in range(sentences))


@pytest.fixture
def pairs() -> list[tuple[str, str]]:
    return [(f"d{number}", prose(number)) for number in range(12)]


Sampled = Callable[..., pa.Table]


@pytest.fixture
def sampled(tmp_path: Path) -> Sampled:
    def made(corpus: CorpusConfig, out: str = "sample.parquet", **settings: object) -> pa.Table:
        config = SampleConfig.model_validate({"chunks": 8, "min_tokens": 4, **settings})
        return write_sample(corpus, SMALL, config, 4, tmp_path / out)

    return made


def keys_of(table: pa.Table) -> set[tuple[str, int]]:
    return set(zip(table.column("doc_id").to_pylist(), table.column("chunk_id").to_pylist(), strict=True))


def test_sample_is_written_as_chunks_in_row_groups_of_one_unit(
    tmp_path: Path, pairs: list[tuple[str, str]], sampled: Sampled
) -> None:
    table = sampled(corpus_of(tmp_path / "corpus", {"web": pairs}))
    written = pq.ParquetFile(tmp_path / "sample.parquet")
    assert table.schema.equals(CHUNKS)
    assert written.read().equals(table)
    assert [written.metadata.row_group(group).num_rows for group in range(2)] == [4, 4]
    texts = dict(pairs)
    for row in table.to_pylist():
        assert texts[row["doc_id"]][row["char_start"] : row["char_end"]] == row["text"]


def test_sample_does_not_depend_on_files_or_row_groups(
    tmp_path: Path, pairs: list[tuple[str, str]], sampled: Sampled
) -> None:
    whole = corpus_of(tmp_path / "whole", {"web": pairs})
    parted = corpus_of(tmp_path / "parted", {"web": pairs[:4:-1]}, rows_per_group=5)
    write_file(tmp_path / "parted" / "a.parquet", "web", pairs[:5], rows_per_group=1)
    assert keys_of(sampled(whole, "whole.parquet")) == keys_of(sampled(parted, "parted.parquet"))


def test_sample_is_spread_over_sources(tmp_path: Path, sampled: Sampled) -> None:
    many = [(f"m{number}", prose(number)) for number in range(40)]
    few = [(f"f{number}", prose(number)) for number in range(4)]
    table = sampled(corpus_of(tmp_path / "corpus", {"many": many, "few": few}), chunks=12)
    counts = Counter(table.column("source").to_pylist())
    assert counts.total() == 12
    assert counts["many"] > counts["few"] >= 2


def test_chunks_below_min_tokens_and_empty_documents_are_passed_over(tmp_path: Path, sampled: Sampled) -> None:
    documents = [("long", prose(1)), ("short", "Hi."), ("empty", ""), ("blank", " \n ")]
    table = sampled(corpus_of(tmp_path / "corpus", {"web": documents}), chunks=100, min_tokens=8)
    assert set(table.column("doc_id").to_pylist()) == {"long"}
    assert min(table.column("token_count").to_pylist()) >= 8


def test_corpus_with_nothing_to_tag_says_which_setting_to_lower(tmp_path: Path, sampled: Sampled) -> None:
    corpus = corpus_of(tmp_path / "corpus", {"web": [("short", "Hi."), ("empty", "")]})
    with pytest.raises(AtlasError, match=r"nothing to tag; lower sample\.min_tokens"):
        sampled(corpus, min_tokens=30)
    assert not (tmp_path / "sample.parquet").exists()


def test_second_call_keeps_the_file(tmp_path: Path, pairs: list[tuple[str, str]], sampled: Sampled) -> None:
    corpus = corpus_of(tmp_path / "corpus", {"web": pairs})
    first = sampled(corpus)
    before = (tmp_path / "sample.parquet").stat()
    assert sampled(corpus).equals(first)
    after = (tmp_path / "sample.parquet").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_other_settings_make_another_sample(tmp_path: Path, pairs: list[tuple[str, str]], sampled: Sampled) -> None:
    corpus = corpus_of(tmp_path / "corpus", {"web": pairs})
    assert sampled(corpus).num_rows == 8
    assert sampled(corpus, chunks=5).num_rows == 5
    assert pq.read_metadata(tmp_path / "sample.parquet").num_rows == 5


def test_change_outside_the_sample_leaves_its_bytes_as_they_are(
    tmp_path: Path, pairs: list[tuple[str, str]], sampled: Sampled
) -> None:
    corpus = corpus_of(tmp_path / "corpus", {"web": pairs})
    chosen = {doc_id for doc_id, _ in keys_of(sampled(corpus, chunks=4))}
    before = (tmp_path / "sample.parquet").read_bytes()
    other = next(index for index, (doc_id, _) in enumerate(pairs) if doc_id not in chosen)
    pairs[other] = (pairs[other][0], prose(99, 1))
    sampled(corpus_of(tmp_path / "corpus", {"web": pairs}), chunks=4)
    assert (tmp_path / "sample.parquet").read_bytes() == before


def test_change_inside_the_sample_is_seen(tmp_path: Path, pairs: list[tuple[str, str]], sampled: Sampled) -> None:
    corpus = corpus_of(tmp_path / "corpus", {"web": pairs})
    doc_id, _ = min(keys_of(sampled(corpus, chunks=4)))
    pairs[int(doc_id[1:])] = (doc_id, prose(77))
    table = sampled(corpus_of(tmp_path / "corpus", {"web": pairs}), chunks=4)
    assert any("77-" in text for text in table.column("text").to_pylist())


# Coverage


def test_coverage_keeps_to_budget_documents_and_sources(tmp_path: Path, sampled: Sampled) -> None:
    many = [(f"m{number}", prose(number)) for number in range(40)]
    few = [(f"f{number}", prose(number)) for number in range(4)]
    corpus = corpus_of(tmp_path / "corpus", {"many": many, "few": few})
    table = sampled(corpus, chunks=12, strategy="coverage")
    at_random = sampled(corpus, "random.parquet", chunks=12)
    assert Counter(table.column("source").to_pylist()) == Counter(at_random.column("source").to_pylist())
    assert max(Counter(table.column("doc_id").to_pylist()).values()) <= 2
    assert table.schema.equals(CHUNKS)


def test_coverage_does_not_depend_on_files_or_row_groups(
    tmp_path: Path, pairs: list[tuple[str, str]], sampled: Sampled
) -> None:
    whole = corpus_of(tmp_path / "whole", {"web": pairs})
    parted = corpus_of(tmp_path / "parted", {"web": pairs[:4:-1]}, rows_per_group=5)
    write_file(tmp_path / "parted" / "a.parquet", "web", pairs[:5], rows_per_group=1)
    first, second = (sampled(c, f"{n}.parquet", strategy="coverage") for n, c in enumerate((whole, parted)))
    assert keys_of(first) == keys_of(second)


def test_coverage_finds_the_topic_that_few_documents_have(tmp_path: Path, sampled: Sampled) -> None:
    bread = [(f"b{n}", f"Flour, yeast and water make dough. Bakers knead loaf number {n} by hand.") for n in range(40)]
    tides = [(f"t{n}", f"The moon above pulls the tides. Sailors watch wave number {n} at night.") for n in range(200)]
    table = sampled(corpus_of(tmp_path / "corpus", {"web": bread + tides}), chunks=5, strategy="coverage")
    assert {doc_id[0] for doc_id in table.column("doc_id").to_pylist()} >= {"b"}


# Budgets that depend on the engine


@pytest.fixture
def without_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No model was fetched, so costs come from the documentation and the settings."""
    monkeypatch.setenv("ATLAS_CACHE", str(tmp_path / "no-models"))


def test_minutes_and_rate_decide_how_many(tmp_path: Path, pairs: list[tuple[str, str]], without_models: None) -> None:
    corpus = corpus_of(tmp_path / "corpus", {"web": pairs})
    config = SampleConfig(minutes=0.1, min_tokens=4)
    tag = TagConfig(engine=CTranslate2Config(chunks_per_s=1.0))
    assert write_sample(corpus, SMALL, config, 4, tmp_path / "six.parquet", tag).num_rows == 6
    faster = TagConfig(engine=CTranslate2Config(chunks_per_s=1.5))
    assert write_sample(corpus, SMALL, config, 4, tmp_path / "six.parquet", faster).num_rows == 9


def test_money_without_a_price_says_which_setting_is_missing(
    tmp_path: Path, pairs: list[tuple[str, str]], without_models: None
) -> None:
    corpus = corpus_of(tmp_path / "corpus", {"web": pairs})
    with pytest.raises(AtlasError, match=r"set engine\.price_per_hour"):
        write_sample(corpus, SMALL, SampleConfig(money=1, min_tokens=4), 4, tmp_path / "s.parquet", TagConfig())


def test_budget_in_minutes_needs_to_know_the_engine(tmp_path: Path, pairs: list[tuple[str, str]]) -> None:
    corpus = corpus_of(tmp_path / "corpus", {"web": pairs})
    with pytest.raises(AtlasError, match="give the tag settings too"):
        write_sample(corpus, SMALL, SampleConfig(minutes=1, min_tokens=4), 4, tmp_path / "s.parquet")

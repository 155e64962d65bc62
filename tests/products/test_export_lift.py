"""Lift sets: exact counts, sound choice, whatever the memory."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from export_run import LABELLED, Stopped, annotated, in_small_row_groups, rewrite, rows
from hypothesis import given
from hypothesis import strategies as st

from atlas.chunking.tokenizer import tokenizer
from atlas.errors import AtlasError
from atlas.products.export.association import log_likelihood
from atlas.products.lift import lift
from atlas.products.lift.choose import Rules, sets
from atlas.products.lift.vocabulary import vocabulary
from atlas.products.lift.words import Words, distinct, word_of

EVERYTHING = Rules(most=10_000, min_count=1, min_documents=1, min_lift=1.0, min_llr=0.0)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return annotated(tmp_path_factory.mktemp("run"))


@dataclass
class Plain:
    """What holds of each item, counted in plain Python."""

    chunks: Counter[str] = field(default_factory=Counter)
    within: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    documents: dict[tuple[int, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    concepts: Counter[int] = field(default_factory=Counter)
    total: int = 0


def plain(run: Path, kind: str) -> Plain:
    found = Plain()
    encode = tokenizer("cl100k_base").encode
    for row in rows(run):
        words = {word_of(piece) for piece in row["text"].replace(".", " ").split()} - {""}
        items = words if kind == "word" else {str(id_) for id_ in encode(row["text"]).tolist()}
        found.total += 1
        found.chunks.update(items)
        found.concepts.update(row["concept_ids"])
        for id_ in row["concept_ids"]:
            found.within[id_].update(items)
            for item in items:
                found.documents[id_, item].add(row["doc_id"])
    return found


def read(out: Path) -> list[dict[str, Any]]:
    return [row for file in sorted((out / "sets").iterdir()) for row in pq.read_table(file).to_pylist()]


@pytest.mark.parametrize("kind", ["word", "token"])
def test_counts_are_those_made_by_hand(kind: str, run: Path, tmp_path: Path) -> None:
    lift(run, LABELLED, tmp_path, kind=kind, rules=EVERYTHING)  # type: ignore[arg-type]
    counted = plain(run, kind)
    found = read(tmp_path)
    assert {(row["concept_id"], row["side"]) for row in found} >= {(1, "positive"), (1, "negative")}
    for row in found:
        id_, item = row["concept_id"], row["item"] if kind == "word" else str(row["token_id"])
        inside, overall = counted.within[id_][item], counted.chunks[item]
        assert (row["count_in"], row["count_out"]) == (inside, overall - inside)
        assert row["documents_in"] == len(counted.documents[id_, item])
        having = counted.concepts[id_]
        assert row["lift"] == pytest.approx((inside / having) / (overall / counted.total), rel=1e-5)
        arrays = (np.array([number]) for number in (inside, having, overall))
        assert row["llr"] == pytest.approx(log_likelihood(*arrays, counted.total)[0], rel=1e-4, abs=1e-4)
        assert (row["lift"] > 1) == (row["side"] == "positive") or row["lift"] == pytest.approx(1)
    positive = {(row["concept_id"], row["item"]) for row in found if row["side"] == "positive"}
    for id_ in range(1, 6):
        for item, inside in counted.within[id_].items() if kind == "word" else ():
            if inside * counted.total > counted.concepts[id_] * counted.chunks[item]:
                assert (id_, item) in positive


def test_sets_are_ranked_by_log_likelihood_and_cut(run: Path, tmp_path: Path) -> None:
    rules = Rules(most=3, min_count=2, min_documents=2, min_lift=1.0, min_llr=0.5)
    lift(run, LABELLED, tmp_path, rules=rules)
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in read(tmp_path):
        groups[row["concept_id"], row["kind"], row["side"]].append(row)
    assert groups
    for group in groups.values():
        assert [row["rank"] for row in group] == list(range(1, len(group) + 1))
        assert len(group) <= 3
        scores = [row["llr"] for row in group]
        assert scores == sorted(scores, reverse=True)
        assert min(scores) >= 0.5


@pytest.mark.parametrize("size", [3, 1000])
def test_little_memory_and_small_pieces_give_the_same_sets(
    size: int, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lift(run, LABELLED, tmp_path / "much", rules=EVERYTHING)
    cut = annotated(tmp_path / "cut")
    in_small_row_groups(cut, size)
    monkeypatch.setattr("atlas.products.lift.incidence.PIECE_ROWS", 5)
    lift(cut, LABELLED, tmp_path / "little", rules=EVERYTHING, memory_mb=0)
    assert len(list((tmp_path / "little" / "sets").iterdir())) == 5
    assert read(tmp_path / "little") == read(tmp_path / "much")


def test_work_files_go_when_all_is_there(run: Path, tmp_path: Path) -> None:
    lift(run, LABELLED, tmp_path / "out", work=tmp_path / "work")
    assert list((tmp_path / "work").iterdir()) == []
    lift(run, LABELLED, tmp_path / "other")
    assert not (tmp_path / "other" / ".work").exists()


def test_pieces_that_were_read_are_not_read_again(run: Path, tmp_path: Path) -> None:
    def stop(said: str) -> None:
        if said.startswith("read piece 2"):
            raise Stopped

    with pytest.raises(Stopped):
        lift(run, LABELLED, tmp_path, watch=stop, workers=1)
    done = {file: file.stat().st_mtime_ns for file in (tmp_path / ".work").glob("*.parquet")}
    assert len(done) >= 4

    def look(said: str) -> None:
        if said.startswith("read piece 3"):
            assert {file: file.stat().st_mtime_ns for file in done} == done

    lift(run, LABELLED, tmp_path, watch=look)


def test_words_are_one_spelling() -> None:
    assert [word_of(raw) for raw in ("Tides", "’Don’t'", "1984", "x86", "É", "a" * 41)] == [
        *("tides", "don't", "", "x86", "é", ""),
    ]


def test_words_of_texts_are_numbered_once_in_order() -> None:
    words = Words()
    codes, sizes = words.of(pa.array(["The tide, the TIDE!", "", "42 — 月が low_tide"]))
    assert [list(words.numbers)[code] for code in codes.tolist()] == ["the", "tide", "月が", "low", "tide"]
    assert sizes.tolist() == [2, 0, 3]


@given(st.lists(st.lists(st.integers(-1, 5), max_size=8), max_size=8))
def test_distinct_keeps_the_first_of_each_row(found: list[list[int]]) -> None:
    codes = np.array([code for row in found for code in row], np.int32)
    kept, sizes = distinct(codes, np.array([len(row) for row in found], np.int64), 6)
    expected = [list(dict.fromkeys(code for code in row if code >= 0)) for row in found]
    assert kept.tolist() == [code for row in expected for code in row]
    assert sizes.tolist() == [len(row) for row in expected]


pieces_of_words = st.lists(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 9)), min_size=1, max_size=5)


def items(words: dict[str, int], tokens: dict[int, int]) -> pa.Table:
    listed = [("word", word, None, count) for word, count in words.items()]
    listed += [("token", None, token, count) for token, count in tokens.items()]
    names = ("kind", "word", "token", "chunks")
    schema = pa.schema({"kind": pa.string(), "word": pa.string(), "token": pa.int32(), "chunks": pa.int64()})
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in listed], schema)


@given(pieces_of_words, st.integers(1, 6), st.integers(1, 12))
def test_vocabulary_is_the_most_frequent_with_exact_counts(found: list[dict[str, int]], most: int, least: int) -> None:
    tables = [items(words, {ord(word): count for word, count in words.items()}) for words in found]
    total = sum((Counter(words) for words in found), Counter())
    ranked = sorted(total, key=lambda word: (-total[word], word))[:most]
    expected = sorted(word for word in ranked if total[word] >= least)
    known = vocabulary(lambda: tables, most, least)
    assert list(known.words) == expected
    assert known.tokens.tolist() == [ord(word) for word in expected]
    assert known.chunks.tolist() == [total[word] for word in expected] * 2
    few = vocabulary(lambda: tables, most, least, held=4)  # forgets, but what it has is counted right
    assert all(total[word] == count for word, count in zip(few.words, few.chunks.tolist(), strict=False))


def test_item_of_few_documents_or_by_chance_is_in_no_set() -> None:
    overall = np.array([40, 40, 500, 500, 900, 30])
    within = np.array([20, 20, 55, 10, 90, 1])
    documents = np.array([2, 9, 40, 10, 80, 1])
    anywhere = np.array([4, 30, 300, 300, 500, 20])
    positive, negative = sets(within, documents, overall, anywhere, 100, 1000, Rules())
    assert positive.places.tolist() == [1]  # 0: too few documents; 2: by chance; 4: as often as overall
    assert negative.places.tolist() == [3]  # 5: three were to be expected
    assert positive.lift.tolist() == [5.0]


def test_run_without_texts_has_tokens_or_says_what_it_lacks(tmp_path: Path) -> None:
    run = annotated(tmp_path, documents=2, files=1, text=False)
    with pytest.raises(AtlasError, match=r"no column text, which words are taken from: .* --kind token"):
        lift(run, LABELLED, tmp_path / "out")
    with pytest.raises(AtlasError, match="no column text, nor token_ids, which tokens are taken from"):
        lift(run, LABELLED, tmp_path / "out", kind="token")


def test_token_ids_of_the_run_are_taken_where_it_has_them(run: Path, tmp_path: Path) -> None:
    coded = annotated(tmp_path / "coded")
    encode = tokenizer("cl100k_base").encode
    for part in (coded / "parts").iterdir():
        table = pq.read_table(part)
        ids = pa.array([encode(text).tolist() for text in table["text"].to_pylist()], pa.list_(pa.int32()))
        table = table.drop_columns(["text"]).append_column("token_ids", ids)
        rewrite(part, table)
    lift(run, LABELLED, tmp_path / "encoded", kind="token", rules=EVERYTHING)
    lift(coded, LABELLED, tmp_path / "ids", kind="token", rules=EVERYTHING)
    assert read(tmp_path / "ids") == read(tmp_path / "encoded")

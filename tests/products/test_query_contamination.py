"""A benchmark's text is found in a run wherever chunks and batches are cut, however it is set, and nothing else is."""

import json
import random
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled_run import LIBRARY, Labels, labelled_run

from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.errors import AtlasError
from atlas.library import store
from atlas.products.query import items as benchmark
from atlas.products.query.asked import Asked, asked
from atlas.products.query.connection import connected
from atlas.products.query.contamination import contamination, texts
from atlas.products.query.items import Items
from atlas.products.query.ngrams import Lookup, grams, hashed, words
from atlas.products.query.profile import Near, nearest
from atlas.products.query.scan import in_chunks
from atlas.runner.run import run as runner

PLAIN = Labels()
WORDS = [f"{a}{b}" for a in "mountain river stone cloud forest meadow".split() for b in "ward light born side".split()]


def prose(rng: random.Random, number: int) -> list[str]:
    return [rng.choice(WORDS) for _ in range(number)]


def of_texts(found: Sequence[str]) -> Items:
    ids = [f"item {number}" for number, _ in enumerate(found)]
    return Items(pa.array(ids, pa.string()), pa.array(found, pa.large_string()), 0)


def run_of(folder: Path, documents: Sequence[str], label: Labels = PLAIN) -> Asked:
    (folder / "corpus").mkdir(parents=True)
    lines = [json.dumps({"id": f"d{number}", "text": text}) for number, text in enumerate(documents)]
    half = len(lines) // 2
    for name, some in (("a", lines[:half]), ("b", lines[half:])):
        (folder / "corpus" / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in some))
    path = str(folder / "corpus")
    runner(label, DocumentSource(CorpusConfig(path=path, id="id")), folder / "run", path, {})
    store.save(LIBRARY, folder / "library")
    return asked(str(folder / "run"))


def test_words_are_those_of_the_text_whatever_its_setting() -> None:
    given_ = ["Don’t  STOP,\nnow!", "", None, "…", "ﬁne café-bar", "数学 2x"]
    assert words(pa.array(given_)).to_pylist() == [
        ["don", "t", "stop", "now"],
        [],
        [],
        [],
        ["fine", "café", "bar"],
        ["数", "学", "2x"],
    ]


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=12), max_size=8), st.integers(1, 5))
@settings(deadline=None, max_examples=60)
def test_ngrams_have_one_number_where_their_words_are_the_same(texts_: list[list[str]], length: int) -> None:
    numbers, rows = hashed(pa.array([" ".join(text) for text in texts_], pa.string()))
    flat = [word for text in texts_ for word in text]
    assert rows.tolist() == [row for row, text in enumerate(texts_) for _ in text]
    of_length = dict(grams(numbers, length)).get(length, np.empty(0, np.uint64))
    spelt = [tuple(flat[at : at + length]) for at in range(len(flat) - length + 1)]
    assert len(of_length) == len(spelt)
    assert len(set(of_length.tolist())) == len(set(spelt)) == len(set(zip(of_length.tolist(), spelt, strict=True)))


@given(
    st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=14), min_size=1, max_size=5),
    st.lists(st.integers(1, 4), min_size=1, max_size=30),
    st.integers(1, 7),
    st.lists(st.lists(st.sampled_from("abc"), min_size=2, max_size=4), min_size=1, max_size=6),
)
@settings(deadline=None, max_examples=40)
def test_counts_do_not_depend_on_where_chunks_and_batches_are_cut(
    documents: list[list[str]], cuts: list[int], batch: int, wanted: list[list[str]]
) -> None:
    rows, cut = [], 0
    for number, document in enumerate(documents):
        at = chunk = 0
        while at < len(document):
            size = cuts[cut % len(cuts)]
            cut += 1
            rows.append((f"d{number}", chunk, " ".join(document[at : at + size])))
            at, chunk = at + size, chunk + 1
    columns = list(zip(*rows, strict=True))
    table = pa.table({"doc_id": columns[0], "chunk_id": columns[1], "text": columns[2]})
    lookups = {}
    for length in {len(gram) for gram in wanted}:
        of_length = [" ".join(gram) for gram in wanted if len(gram) == length]
        lookups[length] = Lookup(
            np.array([dict(grams(hashed(pa.array([g]))[0], length))[length][0] for g in of_length])
        )
    found = in_chunks(table.to_batches(batch), lookups)
    for gram in wanted:
        number = dict(grams(hashed(pa.array([" ".join(gram)]))[0], len(gram)))[len(gram)][0]
        place = (len(gram), int(np.searchsorted(lookups[len(gram)].numbers, number)))
        holders = [f"d{n}" for n, document in enumerate(documents) if " ".join(gram) in " ".join(document)]
        assert found.documents[place] == len(holders)
        assert found.first.get(place, (None,))[0] == (holders[0] if holders else None)


def planted(folder: Path) -> tuple[Asked, Items]:
    """Items 0-9 stand in the run as they are, 10-19 set otherwise, 20-29 with every sixth word changed; others not."""
    rng = random.Random(0)
    passages = [prose(rng, 40) for _ in range(60)]
    documents = [prose(rng, 150) for _ in range(40)]
    for number in range(30):
        copied = list(passages[number])
        if 10 <= number < 20:
            copied = [word.upper() + ("," if place % 3 else "\n") for place, word in enumerate(copied)]
        if number >= 20:
            copied[::6] = [f"other{place}" for place in range(len(copied[::6]))]
        documents[number][70:70] = copied
    return run_of(folder, [" ".join(document) for document in documents]), of_texts([" ".join(p) for p in passages])


def test_planted_passages_are_found_with_their_chunks_and_others_are_not(tmp_path: Path) -> None:
    run, items = planted(tmp_path)
    found = contamination(run, items, threads=2)
    assert {match.item for match in found.matches} == {f"item {number}" for number in range(20)}
    assert (found.items, found.told, found.mostly) == (60, 60, 20)
    rows = {(row["doc_id"], row["chunk_id"]): row["text"] for row in pq.read_table(tmp_path / "run/parts").to_pylist()}
    for match in found.matches:
        number = int(match.item.split()[1])
        assert match.words == 40
        assert (
            match.covered == 1.0 or match.chunks[0][1] == 0
        )  # the run's chunks may part a word, which no longer counts
        assert {doc_id for doc_id, _ in match.chunks} == {f"d{number}"}
        first = items.texts[number].as_py().split()[0]
        assert first in re.split(r"\W+", rows[match.chunks[0]].lower()) or match.covered < 1
    with connected([run]) as connection:
        assert texts(connection, run, found.matches) == {m.chunks[0]: rows[m.chunks[0]] for m in found.matches}


def test_shorter_ngrams_find_edited_passages(tmp_path: Path) -> None:
    run, items = planted(tmp_path)
    found = contamination(run, items, ngram=5)
    edited = {f"item {number}" for number in range(20, 30)}
    assert edited <= {match.item for match in found.matches}
    assert all(match.covered < 0.9 for match in found.matches if match.item in edited)


def test_short_items_are_one_ngram_from_eight_words_on(tmp_path: Path) -> None:
    text = " ".join(prose(random.Random(1), 60))
    split = text.split(" ")
    items = of_texts([" ".join(split[10:18]), " ".join(split[20:27]), " ".join([*split[30:37], "never"]), ""])
    found = contamination(run_of(tmp_path, [text, "nothing of this"]), items)
    assert ([match.item for match in found.matches], found.too_short) == (["item 0"], 2)


def test_a_common_phrase_tells_nothing_but_an_item_that_is_all_there_does(tmp_path: Path) -> None:
    rng = random.Random(2)
    phrase = " ".join(prose(rng, 14))
    documents = [f"{' '.join(prose(rng, 30))} {phrase} {' '.join(prose(rng, 5))}" for _ in range(12)]
    items = of_texts([phrase, f"{phrase} {' '.join(prose(rng, 40))}"])
    run = run_of(tmp_path, documents)
    assert [match.item for match in contamination(run, items).matches] == ["item 0"]
    assert [match.item for match in contamination(run, items, common=12).matches] == ["item 0", "item 1"]


def test_a_template_that_all_items_share_tells_nothing(tmp_path: Path) -> None:
    rng = random.Random(3)
    template = " ".join(prose(rng, 14))
    items = of_texts([f"{template} {' '.join(prose(rng, 40))}" for _ in range(12)])
    assert contamination(run_of(tmp_path, [template, "x"]), items).matches == ()


def test_items_are_read_from_columns_put_together(tmp_path: Path) -> None:
    rows = [
        {"q": "what is it", "a": "a boat", "n": "1"},
        {"q": None, "a": "b", "n": "2"},
        {"q": "c", "a": None, "n": "3"},
    ]
    (tmp_path / "b.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = benchmark.read(str(tmp_path / "b.jsonl"), ("q", "a"), "n")
    assert (found.ids.to_pylist(), found.texts.to_pylist()) == (["1", "3"], ["what is it\na boat", "c"])
    assert found.refused == 1


def test_a_run_without_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match="stores no text"):
        contamination(run_of(tmp_path, ["a b", "c d"], Labels(text=False)), of_texts(["a"]))


def test_the_document_with_the_same_concepts_is_nearest(tmp_path: Path) -> None:
    labelled_run(tmp_path)
    store.save(LIBRARY, tmp_path / "library")
    run = asked(str(tmp_path / "run"))
    rows = pq.read_table(tmp_path / "run" / "parts")
    chosen = [row for row in rows.to_pylist() if len(row["concept_ids"]) >= 3][:6]
    found = nearest_of(run, chosen, rows.schema)
    assert len(found) == len({row["doc_id"] for row in chosen})
    signature = {
        row["doc_id"]: [(r["concept_ids"], r["scores"]) for r in rows.to_pylist() if r["doc_id"] == row["doc_id"]]
        for row in rows.to_pylist()
    }
    for near in found:
        best, similarity = near.documents[0]
        own = [(row["concept_ids"], row["scores"]) for row in chosen if row["doc_id"] == near.item]
        assert all(each in signature[best] for each in own)
        assert similarity == pytest.approx(1)
        assert similarity >= near.documents[1][1]


def nearest_of(run: Asked, chosen: list[dict[str, object]], schema: pa.Schema) -> list[Near]:
    with connected([run]) as connection:
        return nearest(connection, run, pa.Table.from_pylist(chosen, schema=schema))

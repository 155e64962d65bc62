"""Splits by document: nothing in both, near-duplicates together, the same from Parquet and from a stream."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from token_run import token_run, tokens_of

from atlas.products.token_stream.write import write
from atlas.reader import open_corpus, read_windows
from atlas.reader.documents import WIDTH, Grouper, in_validation, shingles


def documents_of(corpus: Any, split: Any, **settings: Any) -> dict[str, list[int]]:
    """Token ids of each document in a split, by its id."""
    windows = read_windows(corpus, 10, split=split, order="sequential", last="pad", pad_token=0, **settings)
    found: dict[str, list[int]] = {}
    for window in windows:
        for span in window.spans:
            found.setdefault(span.document_id, []).extend(window.tokens[span.start : span.end].tolist())
    return found


def test_splits_are_whole_documents_and_leave_none_out(run: Path, stream: Path) -> None:
    whole: dict[str, list[int]] = {}
    for token in tokens_of(run):
        whole.setdefault(token.doc_id, []).append(token.id)
    for corpus in (open_corpus(run), open_corpus(stream)):
        train = documents_of(corpus, "train", validation=0.3)
        validation = documents_of(corpus, "validation", validation=0.3)
        assert train
        assert validation
        assert not set(train) & set(validation)
        assert train | validation == whole
    more = documents_of(stream, "validation", validation=0.6)
    assert set(validation) < set(more)  # a greater share takes more, and keeps what it had
    assert set(documents_of(stream, "validation", validation=0.3, split_seed=1)) != set(validation)


def test_equal_texts_are_in_one_split_whatever_their_ids_and_row_groups(tmp_path: Path) -> None:
    def text(file: int, row: int) -> str:
        return f"Text number {row} " + "and so on, from here to there, " * 4 + f"until {row * 7} is reached."

    run = token_run(tmp_path, files=4, rows=3, text=text)
    write(run, tmp_path / "stream", shard_tokens=100)
    for path in (run, tmp_path / "stream"):
        validation = {name.split("-")[1] for name in documents_of(path, "validation", validation=0.5)}
        train = {name.split("-")[1] for name in documents_of(path, "train", validation=0.5)}
        assert validation
        assert not validation & train


def groups_of(documents: list[np.ndarray], pieces: list[int]) -> list[int]:
    """Groups of documents whose tokens come cut at these places."""
    tokens = np.concatenate([np.empty(0, np.uint32), *documents])
    starts = np.cumsum([0, *map(len, documents)])[:-1]
    grouper, found = Grouper(), []
    borders = [0, *sorted(piece % (len(tokens) + 1) for piece in pieces), len(tokens)]
    for begin, end in pairwise(borders):
        own = starts[(starts >= begin) & (starts < end)]
        found += grouper.add(tokens[begin:end], own - begin)
    return [int(group) for group in (*found, *grouper.close())]


@settings(deadline=None)
@given(
    documents=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=40), min_size=1, max_size=6),
    pieces=st.lists(st.integers(0, 300), max_size=6),
)
def test_a_group_is_the_documents_least_shingle_however_it_comes(documents: Any, pieces: list[int]) -> None:
    arrays = [np.array(document, np.uint32) for document in documents]
    found = groups_of(arrays, pieces)
    assert found == groups_of(arrays, [])
    for array, group in zip(arrays, found, strict=True):
        if len(array) >= WIDTH:
            assert group == shingles(array).min()
    assert len(set(found)) <= len({array.tobytes() for array in arrays})


def test_likeness_is_the_chance_of_one_group() -> None:
    draw = np.random.default_rng(0)
    together = 0
    for _ in range(300):
        one = draw.integers(0, 50_000, 500).astype(np.uint32)
        other = one.copy()
        other[draw.integers(0, 500)] = 60_000  # one token of 500: 485 of 501 shingles are in both
        first, second = groups_of([one, other], [])
        together += first == second
    assert together >= 280  # 290 expected, standard deviation 3


def test_the_share_is_the_share_of_documents() -> None:
    groups = np.random.default_rng(0).integers(0, 2**63, 100_000).astype(np.uint64)
    for share in (0.01, 0.3):
        assert abs(in_validation(groups, share).mean() - share) < 0.005

"""Windows hold what the run holds: token for token, from Parquet and from both layouts of the stream."""

import shutil
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from token_run import Token, token_run, tokens_of

from atlas.errors import AtlasError
from atlas.products.token_stream.write import write
from atlas.reader import NONE, Window, Windows, open_corpus, read_windows

K = 4
ENDS = [(None, None), (1000, None), (1000, 2000)]


@pytest.fixture(scope="module", params=ENDS)
def ends(request: pytest.FixtureRequest) -> dict[str, int | None]:
    return dict(zip(("end_of_chunk", "end_of_document"), request.param, strict=True))


@pytest.fixture(scope="module", params=["parquet", "records", "compact"])
def corpus(request: pytest.FixtureRequest, run: Path, ends: dict[str, Any], tmp_path_factory: Any) -> Any:
    if request.param == "parquet":
        return open_corpus(run, **ends)
    folder = tmp_path_factory.mktemp("layouts") / "stream"
    write(run, folder, shard_tokens=250, layout=request.param, **ends)
    return open_corpus(folder, verify=True)


@pytest.mark.parametrize("length", [7, 300])
def test_tokens_concepts_and_scores_are_the_runs(run: Path, corpus: Any, ends: dict[str, Any], length: int) -> None:
    tokens = tokens_of(run, **ends)
    windows = read_windows(corpus, length, concepts_per_token=K, order="sequential")
    assert windows.tokens == len(tokens)
    assert windows.count == len(tokens) // length
    for number, window in enumerate(windows):
        check(window, tokens[number * length : (number + 1) * length], run)
    assert number == windows.count - 1


def check(window: Window, tokens: list[Token], run: Path) -> None:
    length = len(tokens)
    assert window.tokens.tolist() == [token.id for token in tokens]
    assert window.tokens.dtype == np.uint32
    assert window.concept_ids.shape == window.scores.shape == window.mask.shape == (length, K)
    for at, token in enumerate(tokens):
        best = token.concepts[:K]
        assert window.concept_ids[at].tolist() == [*best, *[NONE] * (K - len(best))]
        assert window.mask[at].sum() == len(best)
        np.testing.assert_array_equal(window.scores[at, : len(best)], np.float32(token.scores[:K]))
    spans = [(key, list(own)) for key, own in groupby(tokens, key=lambda token: (token.doc_id, token.chunk_id))]
    spans = [(key, own) for key, own in spans if key[1] >= 0]  # tokens that the reader put in are of no chunk
    assert [(span.document_id, span.chunk_id) for span in window.spans] == [key for key, _ in spans]
    for span, (_, own) in zip(window.spans, spans, strict=True):
        assert window.tokens[span.start : span.end].tolist() == [token.id for token in own]
        assert span.concept_ids.tolist() == list(own[0].concepts)  # all of them, however many
        np.testing.assert_array_equal(span.scores, np.float32(own[0].scores))
        assert span.chunk_tokens >= span.end - span.start


@settings(deadline=None, max_examples=40)
@given(length=st.integers(1, 400), number=st.integers(0, 10_000))
def test_stream_and_parquet_agree_at_any_cut(run: Path, stream: Path, length: int, number: int) -> None:
    one, other = (cached(path, length) for path in (run, stream))
    assert one.count == other.count
    first, second = (windows.window(number % one.count) for windows in (one, other))
    for name in ("tokens", "starts", "ends", "chunk_tokens", "concept_ids", "scores"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert first.document_ids == second.document_ids
    assert str(first.spans) == str(second.spans)


CORPORA: dict[Path, Any] = {}


def cached(path: Path, length: int) -> Windows:
    if path not in CORPORA:
        CORPORA[path] = open_corpus(path)
    return read_windows(CORPORA[path], length, order="sequential")


def test_a_chunk_cut_by_the_window_keeps_its_labels_and_says_how_long_it_is(stream: Path) -> None:
    windows = read_windows(stream, 5, order="sequential")
    cut = [span for window in windows for span in window.spans if span.end - span.start < span.chunk_tokens]
    assert cut
    assert any(len(span.concept_ids) for span in cut)


def test_the_end_is_dropped_or_padded(run: Path, stream: Path) -> None:
    tokens = tokens_of(run)
    length = len(tokens) // 3 - 1  # three windows, and some tokens
    assert read_windows(stream, length).count == 3
    padded = read_windows(stream, length, last="pad", pad_token=77, order="sequential")
    assert padded.count == 4
    last = padded.window(3)
    assert last.filled == len(tokens) - 3 * length
    assert last.tokens.tolist() == [*(token.id for token in tokens[3 * length :]), *[77] * (length - last.filled)]
    assert (last.concept_ids[last.filled :] == NONE).all()
    assert padded.window(0).filled == length


def test_batches_are_windows_put_together(stream: Path) -> None:
    windows = list(read_windows(stream, 50, concepts_per_token=K))
    batches = list(read_windows(stream, 50, concepts_per_token=K).batches(3, drop_last=False))
    assert [len(batch.tokens) for batch in batches][:-1] == [3] * (len(batches) - 1)
    assert np.array_equal(np.concatenate([batch.tokens for batch in batches]), [w.tokens for w in windows])
    assert np.array_equal(np.concatenate([batch.concept_ids for batch in batches]), [w.concept_ids for w in windows])
    assert np.array_equal(np.concatenate([batch.scores for batch in batches]), [w.scores for w in windows])
    batch = batches[0]
    assert batch.tokens.dtype == np.int64
    assert (batch.mask == (batch.concept_ids >= 0)).all()
    spans = [(row, span) for row, window in enumerate(windows[:3]) for span in window.spans]
    assert batch.spans.tolist() == [[row, span.start, span.end] for row, span in spans]
    for ids, scores, (_, span) in zip(batch.span_concepts, batch.span_scores, spans, strict=True):
        assert ids[ids != NONE].tolist() == span.concept_ids.tolist()
        assert scores[ids != NONE].tolist() == span.scores.tolist()


def test_spans_alone_cost_no_table(stream: Path) -> None:
    window = read_windows(stream, 50).window(0)
    assert window.spans
    assert "concept_ids" not in vars(window)
    assert "tokens" not in vars(window)


def test_retried_documents_come_behind_their_part(tmp_path: Path) -> None:
    run = token_run(tmp_path)
    first, second, _ = sorted((run / "parts").glob("*.parquet"))
    shutil.copy(second, first.with_suffix(".retry.parquet"))
    found = [token for window in read_windows(run, 1, order="sequential") for token in window.tokens.tolist()]
    assert found == [token.id for token in tokens_of(run)]


def test_an_empty_run_is_shorter_than_any_window(tmp_path: Path) -> None:
    run = token_run(tmp_path, text=lambda file, row: "")
    write(run, tmp_path / "stream")
    for path in (run, tmp_path / "stream"):
        with pytest.raises(AtlasError, match="longer than the corpus"):
            read_windows(path, 1)

"""Runs over the first documents of a corpus, and over a share of them."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_files import Write, contents, documents_in_parts, everything, part, run_over, times
from stages_with_faults import MARK, Raises, small_chunks

from atlas.corpus.rows import chosen

STAGE = small_chunks()
FILES, DOCUMENTS = 4, 6


@pytest.fixture(params=["jsonl", "parquet"])
def corpus(request: pytest.FixtureRequest, write_corpus: Write) -> Path:
    folder = write_corpus(files=FILES, documents=DOCUMENTS)
    if request.param == "parquet":
        for file in sorted(folder.iterdir()):
            table = pa.Table.from_pylist([json.loads(line) for line in file.read_text().splitlines()])
            pq.write_table(table, file.with_suffix(".parquet"))
            file.unlink()
    return folder


def _first(count: int) -> list[str]:
    return [f"{number // DOCUMENTS}-{number % DOCUMENTS}" for number in range(count)]


@pytest.mark.parametrize("limit", [1, 5, 6, 7, 12, 23, 24, 100])
def test_limit_takes_the_first_documents(corpus: Path, tmp_path: Path, limit: int) -> None:
    result = run_over(STAGE, corpus, tmp_path / "out", limit=limit)
    expected = _first(min(limit, FILES * DOCUMENTS))
    assert result.sound
    assert (result.counts.records_in, result.counts.records_out) == (len(expected), len(expected))
    assert documents_in_parts(tmp_path / "out") == expected


def test_limit_counts_records_that_go_to_quarantine(write_corpus: Write, tmp_path: Path) -> None:
    corpus = write_corpus(text={"0-1": MARK, "2-0": MARK})
    result = run_over(Raises(), corpus, tmp_path / "out", limit=8)
    assert result.sound
    assert (result.counts.records_in, result.counts.records_out, result.counts.quarantined) == (8, 7, 1)


@pytest.mark.parametrize("limits", [(8, 20), (6, 12), (20, 8), (8, None), (1, 2)])
def test_changed_limit_leaves_units_that_stay_whole_and_ends_as_from_the_start(
    corpus: Path, tmp_path: Path, limits: tuple[int, int | None]
) -> None:
    before, after = limits
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    run_over(STAGE, corpus, out, limit=before)
    when = times(out)
    for stale in sorted((out / "parts").iterdir())[-((after or 99) // -DOCUMENTS) :]:
        stale.unlink()  # of documents behind a lower limit; else the run would name it
    result = run_over(STAGE, corpus, out, limit=after)
    assert result.sound
    whole = min(before, after or FILES * DOCUMENTS) // DOCUMENTS
    assert result.units_done_before == whole
    kept = [name for name, time in times(out).items() if when.get(name) == time]
    assert len(kept) == whole
    run_over(STAGE, corpus, fresh, limit=after)
    assert everything(out) == everything(fresh)


def test_part_of_documents_behind_a_lower_limit_is_named(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_over(STAGE, corpus, out)
    result = run_over(STAGE, corpus, out, limit=18)
    assert not result.sound
    assert result.stale == (str(part(out, "3.")),)


def test_limit_over_units_within_a_file(write_corpus: Write, tmp_path: Path) -> None:
    corpus = write_corpus(files=1, documents=40)
    result = run_over(STAGE, corpus, tmp_path / "out", unit_bytes=1500, limit=17)
    assert result.sound
    assert result.units > 1
    assert documents_in_parts(tmp_path / "out") == sorted(f"0-{row}" for row in range(17))


def test_samples_hold_each_other_and_their_balance(write_corpus: Write, tmp_path: Path) -> None:
    corpus = write_corpus(files=2, documents=200)
    samples = []
    for share in (0.1, 0.3, 0.7, 1.0):
        out = tmp_path / f"out{share}"
        result = run_over(STAGE, corpus, out, sample=share)
        assert result.sound
        samples.append(set(documents_in_parts(out)))
        assert result.counts.records_in == result.counts.records_out == len(samples[-1])
        assert abs(len(samples[-1]) - 400 * share) < 40
    assert samples[0] < samples[1] < samples[2] < samples[3]


def test_sample_goes_by_the_id_and_not_by_its_place(write_corpus: Write, tmp_path: Path) -> None:
    corpus = write_corpus(files=2, documents=40)
    run_over(STAGE, corpus, tmp_path / "out", sample=0.5)
    moved = tmp_path / "moved"
    moved.mkdir()
    lines = [line for file in sorted(corpus.iterdir()) for line in file.read_text().splitlines()]
    (moved / "all.jsonl").write_text("\n".join(reversed(lines)))
    run_over(STAGE, moved, tmp_path / "other", sample=0.5)
    assert documents_in_parts(tmp_path / "out") == documents_in_parts(tmp_path / "other")


def test_sample_keeps_bad_records_in_the_balance(write_corpus: Write, tmp_path: Path) -> None:
    corpus = write_corpus(files=1, documents=50)
    with (corpus / "0.jsonl").open("a") as lines:
        lines.write('{"id": "no text"}\nno JSON\n')
    result = run_over(STAGE, corpus, tmp_path / "out", sample=0.2)
    assert result.sound
    assert result.counts.quarantined == 2
    assert result.counts.records_in == result.counts.records_out + 2


def test_limit_comes_before_the_sample(write_corpus: Write, tmp_path: Path) -> None:
    corpus = write_corpus(files=1, documents=60)
    run_over(STAGE, corpus, tmp_path / "out", sample=0.5, limit=30)
    expected = [f"0-{row}" for row in range(30) if chosen(f"0-{row}", 0.5)]
    assert documents_in_parts(tmp_path / "out") == sorted(expected)


def test_another_sample_has_all_redone(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_over(STAGE, corpus, out, sample=0.4)
    assert run_over(STAGE, corpus, out, sample=0.8).units_done_before == 0
    run_over(STAGE, corpus, tmp_path / "fresh", sample=0.8)
    assert contents(out) == contents(tmp_path / "fresh")


@given(st.text(), st.floats(0, 1), st.floats(0, 1))
def test_document_of_a_sample_is_in_every_larger_one(doc_id: str, share: float, other: float) -> None:
    small, large = sorted((share, other))
    assert chosen(doc_id, large) or not chosen(doc_id, small)

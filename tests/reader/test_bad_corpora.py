"""What is not as it should be is refused with one message that says what to do."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from token_run import TokenStage, regroup, token_run

from atlas.errors import AtlasError
from atlas.products.token_stream.write import write
from atlas.reader import open_corpus, read_windows


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run, tmp_path / "run"))


@pytest.fixture
def stream_copy(stream: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stream, tmp_path / "stream"))


def parts(run: Path) -> list[Path]:
    return sorted((run / "parts").glob("*.parquet"))


def refused(path: Path, match: str, **settings: Any) -> None:
    with pytest.raises(AtlasError, match=match) as caught:
        read_windows(path, 10, **settings)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("key", ["library", "tokenizer", "annotator"])
def test_parts_of_two_kinds(copy: Path, key: str) -> None:
    regroup(parts(copy)[1], 7, **{key: "another"})
    refused(copy, f"is of {key} another, but .* of ")


def test_a_missing_part(copy: Path) -> None:
    parts(copy)[0].unlink()
    refused(copy, "2 parts of 3 are there")


def test_a_run_that_has_not_ended(copy: Path) -> None:
    (copy / "summary.json").unlink()
    refused(copy, "has not ended")


def test_a_part_that_is_cut_off(copy: Path) -> None:
    parts(copy)[0].write_bytes(parts(copy)[0].read_bytes()[:-20])
    refused(copy, "no whole Parquet file")


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    refused(tmp_path, "no part of an annotated run and no token stream")
    pq.write_table(pq.read_table(_some_table(tmp_path)), tmp_path / "b.parquet")
    refused(tmp_path, "is no part of an annotated run")


def _some_table(folder: Path) -> Path:
    pq.write_table(pa.table({"a": [1]}), folder / "a.parquet")
    return folder / "a.parquet"


def test_token_counts_that_are_wrong(copy: Path) -> None:
    part = parts(copy)[0]
    with pq.ParquetFile(part) as file:
        table, metadata = file.read(), file.metadata.metadata
    wrong = table.set_column(5, table.schema.field(5), pa.array([1] * len(table), pa.int32()))
    assert wrong.schema.field(5).name == "token_count"
    pq.write_table(wrong.replace_schema_metadata({b"atlas": metadata[b"atlas"]}), part)
    windows = read_windows(copy, 10, order="sequential")
    with pytest.raises(AtlasError, match="does not hold what the rest says"):
        list(windows)


@pytest.mark.parametrize("given", ["table", "file"])
def test_a_concept_beyond_the_library(run: Path, stream: Path, given: str, tmp_path: Path) -> None:
    table = pa.table(
        {"concept_id": [1, 2, 3], "status": ["active"] * 3, "replaced_by": pa.array([None] * 3, pa.int32())}
    )
    if given == "file":
        pq.write_table(table, tmp_path / "concepts.parquet")
        library: Any = tmp_path / "concepts.parquet"
    else:
        library = table
    refused(stream, "holds concept id 9, beyond the library given, which ends at 3", library=library)
    windows = read_windows(run, 10, library=library)
    with pytest.raises(AtlasError, match=r"concept id \d is not in the library given"):
        for window in windows:
            assert len(window.concept_ids)
    with pytest.raises(AtlasError, match=r"concept id \d is not in the library given"):
        write(run, tmp_path / "out", library=library)


def test_a_window_longer_than_the_corpus(run: Path, stream: Path) -> None:
    for path in (run, stream):
        with pytest.raises(
            AtlasError, match=r"a window of 1,000,000 tokens is longer than the corpus \([\d,]+ tokens\)"
        ):
            read_windows(path, 1_000_000)


def test_a_split_without_a_document(run: Path, stream: Path) -> None:
    for path in (run, stream):
        refused(
            path, "split validation of validation share 1e-09 .* holds no document", split="validation", validation=1e-9
        )
        refused(path, "no window is left by these weights", weights={99: 1.0}, default_weight=0)


@pytest.mark.parametrize("kind", ["tokens", "index", "spans", "documents", "ids"])
def test_a_stream_file_that_is_cut_off_changed_or_gone(stream_copy: Path, kind: str) -> None:
    path = stream_copy / "shards" / f"000001.{kind}"
    content = path.read_bytes()
    path.write_bytes(content[:-4])
    refused(path.parents[1], "cut off or changed")
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    open_corpus(stream_copy)  # of the right size: only the checksum tells
    with pytest.raises(AtlasError, match=f"000001.{kind}: its checksum is"):
        open_corpus(stream_copy, verify=True)
    path.unlink()
    refused(path.parents[1], "is missing")


def test_a_stream_that_is_not_finished_or_of_another_version(stream_copy: Path) -> None:
    header = stream_copy / "stream.json"
    said = json.loads(header.read_text())
    header.write_text(json.dumps(said | {"version": 2}))
    refused(stream_copy, "version 2 of the format, this reader knows 1")
    header.write_text(json.dumps(said | {"format": "other"}))
    refused(stream_copy, "no header of a token stream")
    header.write_text("{")
    refused(stream_copy, "is damaged")
    header.unlink()
    refused(stream_copy, "no finished token stream")


def test_tokens_of_another_tokenizer(tmp_path: Path, run: Path, stream: Path) -> None:
    class Other:
        name = "other"

        def encode(self, text: str) -> list[int]:
            return [1] * len(text)

    refused(stream, "holds tokens of cl100k_base, not of other", tokenizer=Other())
    bare = token_run(tmp_path, TokenStage(text=False), files=1)
    refused(bare, "holds token ids of tokenizer cl100k_base, and no text", tokenizer=Other())
    assert read_windows(bare, 10, tokenizer="cl100k_base").corpus.tokenizer == "cl100k_base"
    none = token_run(tmp_path / "none", TokenStage(text=False, tokens=False), files=1)
    refused(none, "neither token ids nor text")
    Other.name = "cl100k_base"
    refused(run, "not what tokenizer cl100k_base makes of its text", tokenizer=Other())


def test_ends_that_the_stream_does_not_have(stream: Path) -> None:
    refused(stream, "written with end_of_chunk None, not 5; export it again with --end-of-chunk 5", end_of_chunk=5)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"length": 0}, "must be at least 1"),
        ({"concepts_per_token": 0}, "must be at least 1"),
        ({"last": "pad"}, "together with a pad_token"),
        ({"order": "random"}, "is none; use one of"),
        ({"min_score": 2}, "must be from 0 to 1"),
        ({"concepts": []}, "none is named"),
        ({"dense": True}, "needs concepts"),
        ({"split": "test"}, "use train, validation"),
        ({"split": "train", "validation": 1.5}, "must be a share between 0 and 1"),
        ({"weights": {1: -1}}, "weights of 0 or more"),
    ],
)
def test_settings_that_mean_nothing(stream: Path, settings: dict[str, Any], match: str) -> None:
    with pytest.raises(AtlasError, match=match):
        read_windows(stream, **({"length": 10} | settings))

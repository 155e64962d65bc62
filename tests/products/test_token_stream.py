"""The token stream: bytes that follow from the run alone, whole or not at all, readable without Atlas."""

import hashlib
import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "reader"))

from token_run import TokenStage, token_run, tokens_of

from atlas.errors import AtlasError
from atlas.products.token_stream.write import write
from atlas.reader import Stream, read_windows
from atlas.reader.stream_layout import DOCUMENT, FILES, sizes

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "token-stream.md"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return token_run(tmp_path_factory.mktemp("tokens"))


def content(stream: Path) -> dict[str, bytes]:
    files = (path for path in stream.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(stream)): path.read_bytes() for path in files}


def test_bytes_do_not_depend_on_row_groups_or_on_where_the_writer_was_stopped(run: Path, tmp_path: Path) -> None:
    write(run, tmp_path / "whole", shard_tokens=300)

    class Stopped(Exception):
        pass

    def stop(name: str, counts: dict[str, int]) -> None:
        raise Stopped(name)

    made = []
    while True:
        try:
            write(run, tmp_path / "stopped", shard_tokens=300, watch=stop)
            break
        except Stopped as name:
            made.append(str(name))
            assert not (tmp_path / "stopped" / "stream.json").exists()
            with pytest.raises(AtlasError, match="no finished token stream"):
                Stream(tmp_path / "stopped")
    assert made == sorted(set(made))  # no shard was written twice
    assert len(made) > 3
    assert content(tmp_path / "stopped") == content(tmp_path / "whole")


def test_row_groups_leave_no_trace_in_the_data(tmp_path: Path) -> None:
    found = []
    for rows in (3, 1000):
        run = token_run(tmp_path / str(rows), rows=rows)
        write(run, tmp_path / f"stream-{rows}", shard_tokens=300)
        found.append({name: data for name, data in content(tmp_path / f"stream-{rows}").items() if "json" not in name})
    assert found[0] == found[1]


def test_a_killed_writer_leaves_nothing_half_written(run: Path, tmp_path: Path) -> None:
    write(run, tmp_path / "whole", shard_tokens=40)
    script = f"""
import os, signal
from atlas.products.token_stream.write import write

def watch(name, counts):
    if name == "000002":
        os.kill(os.getpid(), signal.SIGKILL)

write({str(run)!r}, "killed", shard_tokens=40, watch=watch)
"""
    process = subprocess.run([sys.executable, "-c", script], cwd=tmp_path)
    assert process.returncode == -signal.SIGKILL
    shards = tmp_path / "killed" / "shards"
    (shards / ".tmp-of-the-next").write_bytes(b"half")
    (shards / "000003.tokens").write_bytes(b"whole, but its shard is not")
    (shards / "000001.spans").unlink()  # what is not whole is made again, with all behind it
    write(run, tmp_path / "killed", shard_tokens=40)
    assert content(tmp_path / "killed") == content(tmp_path / "whole")


def test_shards_are_bounded_and_documents_whole(run: Path, tmp_path: Path) -> None:
    written = write(run, tmp_path / "stream", shard_tokens=200)
    stream = Stream(tmp_path / "stream", verify=True)
    tokens = tokens_of(run)
    assert written.counts == stream.header["counts"]
    assert written.counts["tokens"] == len(tokens)
    assert written.counts["documents"] == len({token.doc_id for token in tokens})
    assert written.counts["spans"] == len({(token.doc_id, token.chunk_id) for token in tokens})
    longest = max(sum(token.doc_id == doc for token in tokens) for doc in {token.doc_id for token in tokens})
    seen: list[str] = []
    for number, shard in enumerate(stream.header["shards"]):
        assert shard["counts"]["tokens"] < 200 + longest
        block = stream.block(number)
        seen += block.document_ids(np.arange(shard["counts"]["documents"]))
        for kind, size in sizes(shard["counts"], "records").items():
            assert size in (None, shard["files"][kind]["bytes"])
    assert seen == list(dict.fromkeys(token.doc_id for token in tokens))
    assert all(shard["counts"]["tokens"] >= 200 for shard in stream.header["shards"][:-1])


def test_checksums_are_those_of_b2sum(run: Path, tmp_path: Path) -> None:
    write(run, tmp_path / "stream")
    files = Stream(tmp_path / "stream").header["shards"][0]["files"]
    assert set(files) == set(FILES)
    for kind, said in files.items():
        data = (tmp_path / "stream" / "shards" / f"000000.{kind}").read_bytes()
        assert said == {"bytes": len(data), "blake2b": hashlib.blake2b(data, digest_size=16).hexdigest()}


def test_equal_documents_have_one_group_wherever_they_stand(tmp_path: Path) -> None:
    """Also where a row group ends within one of them, and whatever their ids."""
    same = " ".join(f"word{number}" for number in range(60))

    def text(file: int, row: int) -> str:
        return same if row % 3 == 0 else f"Another text, number {file} {row}. " * (row + 1)

    write(token_run(tmp_path, rows=4, text=text), tmp_path / "stream", shard_tokens=500)
    stream = Stream(tmp_path / "stream")
    groups: dict[str, set[int]] = {"same": set(), "others": set()}
    others = 0
    for number in range(len(stream.block_tokens)):
        table = np.fromfile(tmp_path / "stream" / "shards" / f"{number:06d}.documents", DOCUMENT)
        names = stream.block(number).document_ids(np.arange(len(table) - 1))
        for name, group in zip(names, table["group"].tolist(), strict=False):
            same_text = int(name.split("-")[1]) % 3 == 0
            groups["same" if same_text else "others"].add(group)
            others += not same_text
    assert len(groups["same"]) == 1
    assert len(groups["others"]) > others / 4
    assert not groups["same"] & groups["others"]


@pytest.mark.parametrize("text", [True, False])
def test_a_tokenizer_of_ones_own_encodes_each_chunks_text(text: bool, tmp_path: Path) -> None:
    class Bytes:
        def encode(self, text: str) -> list[int]:
            return list(text.encode())

    run = token_run(tmp_path, TokenStage(tokens=text))  # with token ids of another tokenizer, or without
    write(run, tmp_path / "stream", tokenizer=Bytes(), end_of_document=300)
    stream = Stream(tmp_path / "stream")
    assert stream.tokenizer.startswith("Bytes@")
    first = read_windows(stream, 20, order="sequential").window(0)
    assert b"".join(bytes([token]) for token in first.tokens).decode(errors="ignore")
    direct = read_windows(run, 20, tokenizer=Bytes(), end_of_document=300, order="sequential")
    for one, other in zip(direct, read_windows(stream, 20, order="sequential"), strict=True):
        assert one.tokens.tolist() == other.tokens.tolist()
        assert one.concept_ids.tolist() == other.concept_ids.tolist()


def test_a_folder_that_holds_something_else_is_refused(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "stream"
    write(run, out)
    before = content(out)
    with pytest.raises(AtlasError, match="holds another token stream"):
        write(run, out, end_of_chunk=7)
    with pytest.raises(AtlasError, match="holds another token stream"):
        write(run, out, layout="compact")
    write(run, out)
    assert content(out) == before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(AtlasError, match=r"files that are no token stream's \(notes.txt\)"):
        write(run, tmp_path / "other")


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"layout": "rows"}, "use one of records, compact"),
        ({"shard_tokens": 0}, "must be from 1"),
        ({"end_of_chunk": -1}, "must be a token id"),
    ],
)
def test_settings_that_mean_nothing(run: Path, tmp_path: Path, settings: dict[str, Any], match: str) -> None:
    with pytest.raises(AtlasError, match=match):
        write(run, tmp_path / "stream", **settings)
    assert not (tmp_path / "stream").exists()


def test_the_pages_reader_reads_it_without_atlas(run: Path, tmp_path: Path) -> None:
    write(run, tmp_path / "stream", shard_tokens=300, end_of_chunk=1000, end_of_document=2000)
    source = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert source is not None
    assert len([line for line in source[1].splitlines() if line.strip()]) <= 50
    script = f"""{source[1]}
import sys

assert not [name for name in sys.modules if name.split(".")[0] in ("atlas", "pyarrow", "torch")]
for shard in shards(Path({str(tmp_path / "stream")!r})):
    tokens, concepts = shard.window(0, len(shard.records), 4)
    spans = shard.records["span"].tolist()
    names = [None if span == NO_SPAN else shard.span(span)["doc_id"] for span in spans]
    print(json.dumps([tokens.tolist(), concepts.tolist(), names]))
"""
    (tmp_path / "alone.py").write_text(script)
    found = subprocess.run([sys.executable, "alone.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    tokens = tokens_of(run, 1000, 2000)
    at = 0
    for line in found.stdout.splitlines():
        for token, concepts, name in zip(*json.loads(line), strict=True):
            expected = tokens[at]
            assert token == expected.id
            assert concepts == [*expected.concepts[:4], *[-1] * (4 - len(expected.concepts[:4]))]
            assert name == (expected.doc_id if expected.chunk_id >= 0 else None)
            at += 1
    assert at == len(tokens)


def test_the_command_writes_it(run: Path, tmp_path: Path) -> None:
    import typer
    from typer.testing import CliRunner

    from atlas.cli.export_tokens import tokens

    app = typer.Typer()
    app.command()(tokens)
    shutil.copytree(run, tmp_path / "pipeline" / "annotations")
    done = CliRunner().invoke(
        app,
        [
            str(tmp_path / "pipeline"),
            "--out",
            str(tmp_path / "stream"),
            "--end-of-chunk",
            "1000",
            "--layout",
            "compact",
        ],
    )
    assert done.exit_code == 0, done.output
    assert f"tokens    {len(tokens_of(run, 1000)):,} in 1 shards" in done.output
    assert Stream(tmp_path / "stream").end_of_chunk == 1000

"""Runs from s3:// to s3://, against a server on loopback: as on disk, whatever the network does in between."""

import gzip
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from run_files import Write, damage, everything, run_over, source_of
from stages_with_faults import MARK, Raises, small_chunks

sys.path.append(str(Path(__file__).parents[1] / "storage"))

from faulty_proxy import Fault, Request, at_random
from s3_bucket import Bucket

from atlas.cli import complain_on_error
from atlas.cli.main import app
from atlas.corpus.files import find
from atlas.errors import AtlasError
from atlas.runner.folder import LOG, RunFolder
from atlas.runner.inspect import status
from atlas.runner.retry import Retried, retry
from atlas.runner.run import Execution

pytest_plugins = ["store_fixtures"]

HERE = Path(__file__).parent
STAGE = small_chunks()
FAULTS: list[Fault] = ["slow down", "cut before", "cut in request", "cut in answer", "cut after", "late"]
SHARE = 0.015  # of the requests, for each fault
DRIVER = """
import sys
from atlas.runner.run import Execution
from run_files import run_over
from stages_with_faults import small_chunks
if __name__ == "__main__":
    run_over(small_chunks(), sys.argv[1], sys.argv[2], Execution(workers=int(sys.argv[3])), unit_bytes=1)
"""


@pytest.fixture
def corpus(bucket: Bucket) -> str:
    """The URL of a folder of three Parquet files of two row groups, so of six units where ``unit_bytes`` is 1."""
    for file in range(3):
        ids = [f"{file}-{row}" for row in range(8)]
        texts = [f"Log entry {name}. The tide came in before the ropes were dry." for name in ids]
        texts[3] = texts[3] if file else None  # goes to quarantine
        written = io.BytesIO()
        pq.write_table(pa.table({"id": ids, "text": texts}), written, row_group_size=4)
        bucket.put(f"corpus/{file}.parquet", written.getvalue())
    return bucket.url("corpus")


@pytest.fixture
def undisturbed(corpus: str, tmp_path: Path) -> dict[str, bytes]:
    """What a run over the corpus writes on a disk."""
    result = run_over(STAGE, corpus, tmp_path / "undisturbed", unit_bytes=1)
    assert (result.units, result.counts.quarantined, result.balanced) == (6, 1, True)
    return everything(tmp_path / "undisturbed")


def written(bucket: Bucket) -> dict[str, bytes]:
    """Every object of the run ``out`` but the log of who worked on it."""
    return {key: content for key, content in bucket.objects("out").items() if not key.startswith(f"{LOG}/")}


@pytest.mark.parametrize(("seed", "workers"), [(2, 1), (6, 2)])
def test_run_through_faults_ends_as_if_undisturbed(
    bucket: Bucket, corpus: str, undisturbed: dict[str, bytes], seed: int, workers: int
) -> None:
    bucket.proxy.calm()
    bucket.proxy.choose = at_random(seed, dict.fromkeys(FAULTS, SHARE))
    result = run_over(STAGE, corpus, bucket.url("out"), Execution(workers=workers), unit_bytes=1)
    assert result.balanced
    assert sum(bucket.proxy.faults().values()) >= 5, bucket.proxy.faults()
    assert written(bucket) == undisturbed


def test_run_from_store_to_store_holds_what_one_from_disk_to_disk_does(
    bucket: Bucket, write_corpus: Write, tmp_path: Path
) -> None:
    local = write_corpus(text={"1-2": ""})
    bucket.upload(local, "corpus")
    run_over(STAGE, local, tmp_path / "out")
    run_over(STAGE, bucket.url("corpus"), bucket.url("out"))
    here = {key: content for key, content in everything(tmp_path / "out").items() if key.startswith("parts/")}
    there = {key: content for key, content in written(bucket).items() if key.startswith("parts/")}
    assert list(here) == list(there)
    for key, content in here.items():
        assert pq.read_table(io.BytesIO(content)).equals(pq.read_table(io.BytesIO(there[key])))


@pytest.mark.parametrize("kind", ["parquet", "jsonl.gz"])
def test_document_that_the_store_does_not_give_is_not_quarantined(bucket: Bucket, kind: str) -> None:
    rows = [{"id": str(number), "text": "The tide came in. " * 50} for number in range(20)]
    whole = io.BytesIO()
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), whole)
    else:
        whole.write(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    bucket.put(f"corpus/a.{kind}", whole.getvalue())
    run_over(STAGE, bucket.url("corpus"), bucket.url("undisturbed"))
    last = max(seen.times for seen, _ in bucket.proxy.requests if seen.operation == "GET" and "/corpus/" in seen.key)
    bucket.proxy.calm()

    def deny_the_last(request: Request) -> Fault:
        read = request.operation == "GET" and "/corpus/" in request.key
        return "slow down" if read and request.times == last else "none"

    bucket.proxy.choose = deny_the_last
    result = run_over(STAGE, bucket.url("corpus", "&max_attempts=1"), bucket.url("out"))
    assert bucket.proxy.faults() == {"slow down": 1}
    assert not result.balanced
    assert result.counts.quarantined == 0
    assert run_over(STAGE, bucket.url("corpus", "&max_attempts=1"), bucket.url("out")).counts.records_out == 20


@pytest.mark.parametrize(("workers", "put"), [(1, 0), (1, 3), (2, 2)])
def test_run_killed_in_the_middle_of_an_upload_is_resumed_and_ends_as_if_undisturbed(
    bucket: Bucket, corpus: str, undisturbed: dict[str, bytes], workers: int, put: int
) -> None:
    drivers: list[subprocess.Popen[bytes]] = []

    def kill(request: Request) -> Fault:
        if "/out/parts/" in request.key and request.operation == "PUT":
            begun = {seen.key for seen, _ in bucket.proxy.requests if seen.operation == "PUT" and "/parts/" in seen.key}
            if len(begun) == put:
                os.killpg(drivers[0].pid, signal.SIGKILL)
                return "cut in request"
        return "none"

    bucket.proxy.choose = kill
    command = [sys.executable, "-c", DRIVER, corpus, bucket.url("out"), str(workers)]
    environment = os.environ | {"PYTHONPATH": str(HERE)}
    drivers.append(subprocess.Popen(command, env=environment, start_new_session=True))
    assert drivers[0].wait() == -signal.SIGKILL
    bucket.proxy.calm()
    assert len([key for key in written(bucket) if key.startswith("parts/")]) < 6
    result = run_over(STAGE, corpus, bucket.url("out"), unit_bytes=1)
    assert result.units_done_before >= put - workers + 1
    assert written(bucket) == undisturbed


Change = Callable[[Bucket, str], None]


def _delete(bucket: Bucket, key: str) -> None:
    bucket.delete(key)


def _cut_off(bucket: Bucket, key: str) -> None:
    bucket.put(key, bucket.objects()[key][:-100])


@pytest.mark.parametrize("change", [_delete, _cut_off])
@pytest.mark.parametrize("below", ["parts", "quarantine"])
def test_object_that_was_deleted_or_cut_off_is_noticed_and_made_anew(
    bucket: Bucket, corpus: str, undisturbed: dict[str, bytes], change: Change, below: str
) -> None:
    run_over(STAGE, corpus, bucket.url("out"), unit_bytes=1)
    change(bucket, next(key for key in bucket.objects() if key.startswith(f"out/{below}/")))
    assert not status(RunFolder.at(bucket.url("out"))).complete
    result = run_over(STAGE, corpus, bucket.url("out"), unit_bytes=1)
    assert result.units_done_before == 5
    assert written(bucket) == undisturbed
    assert status(RunFolder.at(bucket.url("out")), verify=True).complete


def test_object_that_was_damaged_is_noticed_and_made_anew_on_request(
    bucket: Bucket, corpus: str, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    run_over(STAGE, corpus, bucket.url("out"), unit_bytes=1)
    key = next(key for key in bucket.objects() if key.startswith("out/parts/"))
    copy = tmp_path / "copy.parquet"
    copy.write_bytes(bucket.objects()[key])
    damage(copy)
    bucket.put(key, copy.read_bytes())
    folder = RunFolder.at(bucket.url("out"))
    assert status(folder).complete
    assert status(folder, verify=True).damaged == (f"{bucket.name}/{key}",)
    run_over(STAGE, corpus, bucket.url("out"), Execution(verify=True), unit_bytes=1)
    assert written(bucket) == undisturbed


def test_retry_brings_records_back_from_a_store(bucket: Bucket, write_corpus: Write, tmp_path: Path) -> None:
    bucket.upload(write_corpus(text={"1-2": MARK, "3-0": MARK}), "corpus")
    cause = tmp_path / "cause"
    cause.touch()
    stage = Raises(cause=str(cause))
    assert run_over(stage, bucket.url("corpus"), bucket.url("out")).counts.quarantined == 2
    before = written(bucket)
    cause.unlink()
    folder = RunFolder.at(bucket.url("out"))
    assert retry(stage, source_of(bucket.url("corpus")), folder) == Retried(mended=2, left=0)
    assert status(folder, verify=True).complete
    after = written(bucket)
    added = {key for key in after if key not in before}
    assert len(added) == 2
    assert all(key.endswith(".retry.parquet") for key in added)
    assert all(after[key] == before[key] for key in before if key.startswith("parts/"))


def test_commands_take_addresses(bucket: Bucket, corpus: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = bucket.url("out")
    for command in (["chunk", corpus, "--id", "id", "--out", out], ["status", out, "--verify"], ["retry", out]):
        assert complain_on_error(lambda command=command: app(command)) == 0, capsys.readouterr().err
    assert "0 records out of quarantine" in capsys.readouterr().out
    assert json.loads(bucket.objects("out")["summary.json"])["counts"]["records_out"] == 23


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("corpus", ["a.jsonl", "b.jsonl", "deep/c.jsonl", "deep/deeper/d.jsonl"]),
        ("corpus/*.jsonl", ["a.jsonl", "b.jsonl"]),
        ("corpus/**/*.jsonl", ["a.jsonl", "b.jsonl", "deep/c.jsonl", "deep/deeper/d.jsonl"]),
        ("corpus/deep/%3F.jsonl", ["c.jsonl"]),
        ("corpus/[!a].jsonl", ["b.jsonl"]),
        ("corpus/deep/c.jsonl", ["c.jsonl"]),
    ],
)
def test_corpus_is_found_by_folder_and_by_glob(bucket: Bucket, pattern: str, found: list[str]) -> None:
    for key in ("a.jsonl", "b.jsonl", "deep/c.jsonl", "deep/deeper/d.jsonl", "_SUCCESS", ".hidden/e.jsonl"):
        bucket.put(f"corpus/{key}", b'{"text": "x"}\n')
    _, files = find(bucket.url(pattern))
    assert [file.label for file in files] == found


def test_more_objects_than_one_listing_gives_are_found(bucket: Bucket) -> None:
    keys = [f"corpus/{number:04}.txt" for number in range(1_050)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: bucket.put(key, b"x"), keys))
    _, files = find(bucket.url("corpus"))
    assert [f"corpus/{file.label}" for file in files] == keys
    assert max(request.times for request, _ in bucket.proxy.requests if request.operation == "LIST") >= 1


def test_bucket_that_may_not_be_written_to_stops_the_run_at_once(bucket: Bucket, corpus: str) -> None:
    bucket.proxy.choose = lambda request: "denied" if request.operation == "PUT" else "none"
    with pytest.raises(AtlasError, match=r"ACCESS_DENIED.*mend its rights"):
        run_over(STAGE, corpus, bucket.url("out"), unit_bytes=1)
    assert bucket.proxy.counted()["PUT"] == 1


def test_bucket_that_is_not_there_is_said_before_any_work(bucket: Bucket, corpus: str) -> None:
    with pytest.raises(AtlasError, match=r"'no-such-bucket'.*Make the bucket, or mend its name"):
        run_over(STAGE, corpus, bucket.url("out").replace(bucket.name, "no-such-bucket"), unit_bytes=1)


def test_corpus_in_a_bucket_that_is_not_there_is_said(bucket: Bucket) -> None:
    with pytest.raises(AtlasError, match="no such file or folder"):
        run_over(STAGE, bucket.url("corpus").replace(bucket.name, "no-such-bucket"), bucket.url("out"))

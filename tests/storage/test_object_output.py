"""An object appears whole or not at all, whatever happens to its upload; and what went wrong is said in words."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow.fs as pafs
import pytest
from faulty_proxy import Choose, Fault, Request
from s3_bucket import Bucket

from atlas.storage import atomic_output, delete, resolve, store_failed

pytest_plugins = ["store_fixtures"]

SMALL = b"small" * 1000
LARGE = os.urandom(25 << 20)  # three pieces
FEW = "&max_attempts=2"
WRITE = """
import sys
from atlas.storage import atomic_output, resolve
filesystem, path = resolve(sys.argv[1])
with atomic_output(filesystem, path) as stream:
    stream.write(b"x" * int(sys.argv[2]))
"""


def write(url: str, content: bytes) -> None:
    filesystem, path = resolve(url)
    with atomic_output(filesystem, path) as stream:
        stream.write(content)


def always(fault: Fault, operation: str, ending: str = "") -> Choose:
    def choose(request: Request) -> Fault:
        return fault if request.operation == operation and request.key.endswith(ending) else "none"

    return choose


def once(fault: Fault, operation: str) -> Choose:
    def choose(request: Request) -> Fault:
        return fault if request.operation == operation and request.times == 0 else "none"

    return choose


def test_small_object_takes_one_request(bucket: Bucket) -> None:
    write(bucket.url("folder/a"), SMALL)
    assert bucket.objects() == {"folder/a": SMALL}
    assert bucket.proxy.counted() == {"PUT": 1}


@pytest.mark.parametrize("ending", ["gz", "zst", "bz2"])
def test_name_of_a_compressed_file_changes_nothing_of_its_bytes(bucket: Bucket, ending: str) -> None:
    write(bucket.url(f"a.{ending}"), SMALL)
    assert bucket.objects() == {f"a.{ending}": SMALL}


def test_large_object_goes_up_in_pieces(bucket: Bucket) -> None:
    write(bucket.url("folder/a"), LARGE)
    assert bucket.objects() == {"folder/a": LARGE}
    assert bucket.proxy.counted() == {"COMPLETE UPLOAD": 1, "CREATE UPLOAD": 1, "PUT PIECE": 3}


@pytest.mark.parametrize("fault", ["slow down", "cut before", "cut in request", "cut in answer", "cut after", "late"])
def test_upload_that_is_disturbed_once_ends_well(bucket: Bucket, fault: Fault) -> None:
    bucket.proxy.choose = once(fault, "PUT")
    write(bucket.url("a"), SMALL)
    assert bucket.objects() == {"a": SMALL}
    assert bucket.proxy.faults() == {fault: 1}


@pytest.mark.parametrize("fault", ["slow down", "cut before", "cut in request"])
def test_small_upload_that_breaks_for_good_leaves_nothing(bucket: Bucket, fault: Fault) -> None:
    bucket.proxy.choose = always(fault, "PUT")
    with pytest.raises(ConnectionError, match=r"'a' in bucket .*see that it can be reached"):
        write(bucket.url("a", FEW), SMALL)
    assert bucket.objects() == {}


@pytest.mark.parametrize("piece", ["#1", "#2", "#3"])
def test_large_upload_of_which_a_piece_fails_leaves_nothing(bucket: Bucket, piece: str) -> None:
    bucket.proxy.choose = always("cut in request", "PUT PIECE", piece)
    with pytest.raises(ConnectionError):
        write(bucket.url("a", FEW), LARGE)
    assert bucket.objects() == {}
    assert "COMPLETE UPLOAD" not in bucket.proxy.counted()


def test_large_upload_of_which_the_end_fails_leaves_nothing(bucket: Bucket) -> None:
    bucket.proxy.choose = always("cut before", "COMPLETE UPLOAD")
    with pytest.raises(ConnectionError):
        write(bucket.url("a", FEW), LARGE)
    assert bucket.objects() == {}


def test_what_was_there_before_stays_when_an_upload_breaks(bucket: Bucket) -> None:
    bucket.put("a", b"old")
    bucket.proxy.choose = always("cut in request", "PUT")
    with pytest.raises(ConnectionError):
        write(bucket.url("a", FEW), SMALL)
    assert bucket.objects() == {"a": b"old"}


def test_block_that_raises_sends_nothing(bucket: Bucket) -> None:
    filesystem, path = resolve(bucket.url("a"))
    with pytest.raises(KeyboardInterrupt), atomic_output(filesystem, path) as stream:
        stream.write(LARGE)
        raise KeyboardInterrupt
    assert bucket.proxy.counted() == {}


@pytest.mark.parametrize(("size", "operation", "before"), [(5_000, "PUT", 0), (25 << 20, "PUT PIECE", 1)])
def test_process_killed_in_the_middle_of_an_upload_leaves_no_part_of_it(
    bucket: Bucket, size: int, operation: str, before: int
) -> None:
    started = threading.Event()

    def kill(request: Request) -> Fault:
        if request.operation == operation and bucket.proxy.counted().get(operation, 0) == before:
            started.wait()
            os.kill(writer.pid, signal.SIGKILL)
        return "none"

    bucket.proxy.choose = kill
    writer = subprocess.Popen([sys.executable, "-c", WRITE, bucket.url("a"), str(size)])
    started.set()
    assert writer.wait() == -signal.SIGKILL
    assert bucket.objects() in ({}, {"a": b"x" * size})  # a small one may have been on its way


def test_ctrl_c_in_the_middle_of_an_upload_does_not_cut_the_object_off(bucket: Bucket) -> None:
    started = threading.Event()

    def interrupt(request: Request) -> Fault:
        if request.operation == "CREATE UPLOAD":
            started.wait()
            os.kill(writer.pid, signal.SIGINT)
        return "late" if request.operation == "PUT PIECE" else "none"

    bucket.proxy.choose = interrupt
    interruptible = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n{WRITE}"
    command = [sys.executable, "-c", interruptible, bucket.url("a"), str(25 << 20)]
    writer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    started.set()
    assert "KeyboardInterrupt" in writer.communicate()[1]
    assert bucket.objects() in ({}, {"a": b"x" * (25 << 20)})


def test_missing_right_is_an_error_that_names_the_object(bucket: Bucket) -> None:
    bucket.proxy.choose = always("denied", "PUT")
    with pytest.raises(PermissionError, match=r"'a' in bucket .*mend its rights"):
        write(bucket.url("a"), SMALL)


def test_missing_right_to_look_is_an_error_too(bucket: Bucket) -> None:
    bucket.proxy.choose = always("denied", "HEAD")
    filesystem, path = resolve(bucket.url("a"))
    with pytest.raises(PermissionError, match="mend its rights"):
        filesystem.get_file_info(path)


def test_missing_bucket_is_an_error_that_names_it(bucket: Bucket) -> None:
    with pytest.raises(FileNotFoundError, match=r"'no-such-bucket'.*Make the bucket, or mend its name"):
        write(bucket.url("a").replace(bucket.name, "no-such-bucket"), SMALL)


def test_endpoint_that_is_not_there_is_an_error_that_says_so() -> None:
    with pytest.raises(ConnectionError, match=r"Failed to connect to 127.0.0.1.*see that it can be reached"):
        write("s3://b/a?endpoint_override=http://127.0.0.1:1&region=us-east-1&max_attempts=1&anonymous=true", SMALL)


def test_store_that_stays_silent_is_given_up(bucket: Bucket) -> None:
    bucket.put("a", SMALL)
    bucket.proxy.choose = always("silent", "GET")
    filesystem, path = resolve(bucket.url("a", "&max_attempts=1&request_timeout=1"))
    with pytest.raises(OSError, match="Operation too slow") as silence:
        filesystem.open_input_file(path).read()
    assert store_failed(silence.value)


@pytest.mark.parametrize("fault", ["slow down", "cut before", "cut in answer", "cut after"])
def test_reading_is_tried_again_and_gives_what_is_there(bucket: Bucket, fault: Fault) -> None:
    bucket.put("a", LARGE)
    bucket.proxy.choose = once(fault, "GET")
    filesystem, path = resolve(bucket.url("a"))
    assert filesystem.open_input_file(path).read() == LARGE
    assert bucket.proxy.faults() == {fault: 1}


@pytest.mark.parametrize("fault", ["slow down", "cut in answer", "denied"])
def test_reading_that_fails_is_the_store_s_fault_not_the_file_s(bucket: Bucket, fault: Fault) -> None:
    bucket.put("a", SMALL)
    bucket.proxy.choose = always(fault, "GET")
    filesystem, path = resolve(bucket.url("a", FEW))
    with pytest.raises(OSError) as failure:
        filesystem.open_input_file(path).read()
    assert store_failed(failure.value)


def test_folder_takes_no_request_and_leaves_no_object(bucket: Bucket) -> None:
    filesystem, path = resolve(bucket.url("a/b"))
    filesystem.create_dir(f"{path}/c/d", recursive=True)
    assert bucket.proxy.counted() == {}
    assert bucket.objects() == {}


def test_delete_takes_what_is_there_and_minds_nothing_else(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("a", SMALL)
    filesystem, path = resolve(bucket.url("a"))
    delete(filesystem, path)
    delete(filesystem, path)
    delete(pafs.LocalFileSystem(), str(tmp_path / "a"))
    assert "a" not in bucket.objects()

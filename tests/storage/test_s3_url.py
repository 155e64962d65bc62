"""What an s3:// URL and the environment say, and that a filesystem keeps it on the way to another process."""

import errno
import pickle
from collections.abc import Callable

import pyarrow.fs as pafs
import pytest
import ray.cloudpickle
from s3_bucket import Bucket

from atlas.errors import AtlasError
from atlas.s3 import explained
from atlas.storage import below, resolve, stopped

pytest_plugins = ["store_fixtures"]


def test_path_is_bucket_and_key(bucket: Bucket) -> None:
    assert resolve(bucket.url("a/b.txt"))[1] == f"{bucket.name}/a/b.txt"


@pytest.mark.parametrize(("written", "key"), [("a%20b", "a b"), ("a b", "a b"), ("a#b[1]*", "a#b[1]*"), ("%3F*", "?*")])
def test_keys_may_hold_any_character(bucket: Bucket, written: str, key: str) -> None:
    assert resolve(bucket.url(written))[1] == f"{bucket.name}/{key}"


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])
def test_endpoint_may_come_from_the_environment(bucket: Bucket, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.put("a", b"there")
    monkeypatch.setenv(name, f"http://127.0.0.1:{bucket.proxy.port}/")
    filesystem, path = resolve(f"s3://{bucket.name}/a")
    assert filesystem.open_input_stream(path).read() == b"there"
    assert bucket.proxy.counted() == {"GET": 1, "HEAD": 1}


def test_what_the_url_says_comes_before_the_environment(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    bucket.put("a", b"there")
    filesystem, path = resolve(bucket.url("a"))
    assert filesystem.open_input_stream(path).read() == b"there"
    assert filesystem.region == "us-east-1"


def test_region_may_come_from_the_environment(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    filesystem, _ = resolve(bucket.url("a").replace("&region=us-east-1", ""))
    assert filesystem.region == "eu-west-1"


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("s3://b/a?retries=3", "unknown option 'retries'; there are region, .* %3F"),
        ("s3://b/a?.parquet", "unknown option '.parquet'"),
        ("s3://b/a?max_attempts=few", "option max_attempts can't be 'few'"),
        ("s3://b/a?anonymous=yes", "option anonymous can't be 'yes'"),
        ("s3:///a", "names no bucket"),
    ],
)
def test_wrong_urls_are_refused_in_words(url: str, complaint: str) -> None:
    with pytest.raises(AtlasError, match=complaint):
        resolve(url)


def test_keys_in_a_url_are_refused_and_not_repeated() -> None:
    with pytest.raises(AtlasError, match="AWS_ACCESS_KEY_ID") as refusal:
        resolve("s3://AKIA:hush@b/a")
    assert "hush" not in str(refusal.value)
    assert "AKIA" not in str(refusal.value)


@pytest.mark.parametrize("pickled", [pickle.dumps, ray.cloudpickle.dumps])
def test_pickled_filesystem_keeps_its_endpoint_and_its_patience(bucket: Bucket, pickled: Callable[..., bytes]) -> None:
    filesystem, path = resolve(bucket.url("a", "&max_attempts=1"))  # pyarrow's own are three
    again = pickle.loads(pickled(filesystem))
    assert again == filesystem
    bucket.proxy.choose = lambda _: "slow down"
    with pytest.raises(ConnectionError, match="status 503"):
        again.get_file_info(path)
    assert bucket.proxy.counted() == {"HEAD": 1}


def test_filesystem_of_the_same_settings_is_the_same_one(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = resolve(bucket.url("a"))
    assert resolve(bucket.url("b"))[0] is first
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
    assert resolve(bucket.url("b"))[0] is not first


def test_other_stores_are_still_pyarrows_own() -> None:
    filesystem, path = resolve("gs://anonymous@bucket/folder?retry_limit_seconds=1")
    assert isinstance(filesystem, pafs.GcsFileSystem)
    assert path == "bucket/folder"
    assert pickle.loads(pickle.dumps(filesystem)) == filesystem


@pytest.mark.parametrize(
    ("url", "name", "expected"),
    [
        ("s3://b/runs?region=eu-west-1", "tags", "s3://b/runs/tags?region=eu-west-1"),
        ("s3://b/runs/", "*.parquet", "s3://b/runs/*.parquet"),
        ("runs/a?b", "tags", "runs/a?b/tags"),
    ],
)
def test_name_in_a_folder_goes_before_the_options(url: str, name: str, expected: str) -> None:
    assert below(url, name) == expected


def test_run_that_the_store_stops_names_the_remedy_of_the_store_alone() -> None:
    missing = explained(OSError("When writing: AWS Error NO_SUCH_BUCKET during PutObject: It does not exist."))
    assert str(stopped("s3://b/out", missing)) == (
        "s3://b/out: stopped: When writing: AWS Error NO_SUCH_BUCKET during PutObject: It does not exist. "
        "Make the bucket, or mend its name. What was finished is kept. Then run the same command again."
    )


def test_run_that_the_disk_stops_says_to_make_room() -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "/out/parts/a")
    assert str(stopped("out", full)) == (
        "out: stopped: /out/parts/a: No space left on device. What was finished is kept. "
        "Make room or mend the rights, then run the same command again."
    )

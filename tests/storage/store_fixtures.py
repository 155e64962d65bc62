"""Fixtures: a bucket of an S3 server, with a proxy before it. A pytest plugin, as tests of two folders use it."""

import os
import uuid
from collections.abc import Iterator

import pyarrow.fs as pafs
import pytest
from faulty_proxy import faulty_proxy
from s3_bucket import Bucket
from s3_server import s3_server

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true"}


@pytest.fixture(scope="session")
def server() -> Iterator[int]:
    """The port of an S3 server."""
    with s3_server() as port:
        yield port


@pytest.fixture
def bucket(server: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """An empty bucket behind a proxy of its own; keys are in the environment, and nothing else of AWS."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with faulty_proxy(server) as proxy:
        direct = pafs.S3FileSystem(
            endpoint_override=f"127.0.0.1:{server}",
            scheme="http",
            region="us-east-1",
            allow_bucket_creation=True,
            allow_delayed_open=True,
        )
        name = f"bucket-{uuid.uuid4().hex}"
        direct.create_dir(name)
        yield Bucket(name, proxy, direct)

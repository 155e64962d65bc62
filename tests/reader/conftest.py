"""One run and its streams for all tests of the reader that only look at it."""

from pathlib import Path

import pytest
from token_run import token_run

from atlas.products.token_stream.write import write


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return token_run(tmp_path_factory.mktemp("tokens"))


@pytest.fixture(scope="session")
def stream(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In shards of about 300 tokens."""
    folder = tmp_path_factory.mktemp("stream") / "stream"
    write(run, folder, shard_tokens=300)
    return folder

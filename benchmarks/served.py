"""vLLM's own server on loopback, for as long as a benchmark runs."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import httpx

START_S = 300.0
NAME = "served"


@contextmanager
def serving(model: str, dtype: str, max_model_len: int, cache_gib: float) -> Iterator[str]:
    """The address of a server with the checkpoint at ``model``, on the CPU."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # `vllm serve` asks for the version of a package called vllm, which the CPU build isn't; this is what it starts.
    command = [
        sys.executable,
        "-m",
        "vllm.entrypoints.openai.api_server",
        "--model",
        model,
        "--served-model-name",
        NAME,
    ]
    command += ["--host", "127.0.0.1", "--port", str(port), "--enforce-eager", "--block-size", "32", "--dtype", dtype]
    command += ["--max-model-len", str(max_model_len), "--kv-cache-memory-bytes", str(int(cache_gib * 2**30))]
    quiet = {"VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | quiet, start_new_session=True)
    try:
        _await_health(process, f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        _end(process)


def _await_health(process: subprocess.Popen[bytes], url: str) -> None:
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
    raise SystemExit("the server did not start; its errors are above")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the server with its children, which are of its session."""
    for last in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, last)
            process.wait(20)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue

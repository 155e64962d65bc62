"""Ray nodes of one CPU as processes of their own, found again by a mark in their environment."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

HERE = Path(__file__).parent
MARK, NODE = "ATLAS_TEST_CLUSTER", "ATLAS_TEST_NODE"
RAY = Path(sys.executable).with_name("ray")
STORE_BYTES = 80_000_000


@dataclass(frozen=True)
class Nodes:
    """A cluster on this machine; ``home`` is its folder, and the mark of all its processes."""

    home: Path
    address: str

    def start(self, name: str, *, head: bool = False) -> None:
        port = self.address.rsplit(":", 1)[-1]
        own = ["--head", f"--port={port}", f"--temp-dir={self.home}", "--include-dashboard=false"]
        command = [RAY, "start", *(own if head else [f"--address={self.address}"])]
        command += [
            "--node-ip-address=127.0.0.1",
            "--num-cpus=1",
            f"--object-store-memory={STORE_BYTES}",
            "--disable-usage-stats",
        ]
        done = subprocess.run(command, env=self.environment(name), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def environment(self, name: str) -> dict[str, str]:
        """Of a process that belongs to the cluster; workers of the node can import the tests' stages."""
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.home.name.encode().hex()}  # or nodes would not agree
        return os.environ | {MARK: str(self.home), NODE: name, "PYTHONPATH": str(HERE)} | token

    def processes(self, name: str = "") -> list[psutil.Process]:
        """Of the node with this name, or of all and the drivers."""
        found = []
        for process in psutil.process_iter():
            try:
                marks = process.environ()
            except psutil.Error:
                continue
            if marks.get(MARK) == str(self.home) and marks.get(NODE, "").startswith(name):
                found.append(process)
        return found

    def kill(self, name: str = "") -> None:
        found = self.processes(name)
        for process in found:
            process.kill()
        _, alive = psutil.wait_procs(found, timeout=60)
        assert not alive


@contextmanager
def cluster(*names: str) -> Iterator[Nodes]:
    """A cluster whose nodes have these names, the first of them its head. No process of it is left at the end."""
    home = Path(tempfile.mkdtemp(prefix="ray"))  # a short path, as Ray makes sockets in it
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nodes = Nodes(home, f"127.0.0.1:{free.getsockname()[1]}")
    try:
        for number, name in enumerate(names):
            nodes.start(name, head=number == 0)
        yield nodes
    finally:
        nodes.kill()
        assert not nodes.processes()
        shutil.rmtree(home)

"""A cluster that is only a head grows for the workers of a run, and shrinks after it: by Ray's own autoscaler, with the
pods of our manifest, which processes of this machine stand in for."""

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml
from growing_ray import configuration, node_id, start_head
from ray_nodes import Gate, Nodes, cluster
from run_files import Write, contents, run_over
from stages_with_faults import MARK, small_chunks

MANIFEST = Path(__file__).parents[2] / "docker" / "kuberay.yaml"
FILES = 4
PODS = (node_id(1), node_id(2))
A_POD_EACH = ["--workers", "2", "--worker-cpus", "4", "--worker-memory-gib", "10"]
SHRUNK_SECONDS = 60
COMMAND_LINE = """
import sys
from atlas.chunking import stage
from atlas.cli.main import main
from stages_with_faults import SaysItsNode
corpus, out, gate, address, *flags = sys.argv[1:]
stage.ChunkStage = lambda config: SaysItsNode(gate=gate)
sys.argv = ["atlas", "chunk", corpus, "--id", "id", "--out", out, "--executor", "ray", "--address", address, *flags]
main()
"""


def test_autoscaler_takes_the_manifest_for_what_it_says() -> None:
    config = configuration(_cluster(), "127.0.0.1:6379")
    pods = config["available_node_types"]
    assert pods["cpu"]["resources"] == {"CPU": 4, "memory": 12 << 30}
    assert (pods["cpu"]["min_workers"], pods["cpu"]["max_workers"], config["max_workers"]) == (0, 16, 16)
    assert pods[config["head_node_type"]]["resources"]["CPU"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("autoscaler", [1, 2])
def test_cluster_grows_for_the_workers_that_are_asked_for_and_shrinks_after_the_run(
    autoscaler: int, write_corpus: Write, tmp_path: Path
) -> None:
    corpus, out = write_corpus(files=FILES, text={f"{file}-3": MARK for file in range(FILES)}), tmp_path / "out"
    assert run_over(small_chunks(), corpus, tmp_path / "local").balanced
    gate = Gate(tmp_path / "gate", PODS)
    with cluster() as nodes:
        config = nodes.home / "autoscaling.json"
        config.write_text(json.dumps(configuration(_cluster(), nodes.address)))
        start_head(nodes, config, autoscaler)
        assert len(_raylets(nodes)) == 1
        driver = subprocess.Popen(
            [sys.executable, "-c", COMMAND_LINE, corpus, out, gate.folder, nodes.address, *A_POD_EACH],
            env=nodes.environment("driver"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        gate.wait_for(driver, *PODS)
        pods = [raylet for pod in PODS for raylet in _raylets(nodes, pod)]
        for pod in PODS:
            gate.open(pod)
        _, stderr = driver.communicate()  # it tells of the wait where nodes take long to come
        assert driver.returncode == 0, stderr
        assert contents(out) == contents(tmp_path / "local")
        gone, _ = psutil.wait_procs(pods, SHRUNK_SECONDS)
        assert len(gone) == len(PODS)
        assert len(_raylets(nodes)) == 1
    gate.close()


def _cluster() -> dict[str, object]:
    spec: dict[str, object] = yaml.safe_load(MANIFEST.read_text())["spec"]["rayClusterSpec"]
    return spec


def _raylets(nodes: Nodes, name: str = "") -> list[psutil.Process]:
    return [process for process in nodes.processes(name) if process.name() == "raylet"]

"""Images and manifests keep up with the package: files, flags, versions, room."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from atlas.cli.main import app
from atlas.runner.ray_cluster import Share, room

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
IMAGES = [DOCKER / "Dockerfile", DOCKER / "Dockerfile.gpu"]
MANIFESTS = [DOCKER / "kuberay.yaml", DOCKER / "kuberay-gpu.yaml"]
GIB = 1 << 30
STORE = "object-store-memory"
TO_WORKERS = 0.95  # of a container's memory without the object store; Ray keeps the rest to itself


def _name(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("image", IMAGES, ids=_name)
def test_all_that_is_copied_into_an_image_is_there_and_in_the_builds_context(image: Path) -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", image.read_text(), re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert len(copied) >= 6
    assert all((ROOT / source).exists() for source in copied)
    assert set(copied) <= kept


@pytest.mark.parametrize("image", IMAGES, ids=_name)
def test_compiled_code_is_kept_where_the_images_user_may_write(image: Path) -> None:
    written = image.read_text()
    (user,) = re.findall(r"^USER (.+)$", written, re.MULTILINE)
    assert f"ENV NUMBA_CACHE_DIR=/home/{user}/" in written


@pytest.mark.parametrize("manifest", MANIFESTS, ids=_name)
def test_entrypoint_is_a_command_that_atlas_takes(manifest: Path) -> None:
    settings = _entrypoint(manifest)
    assert (settings["executor"], settings["address"]) == ("ray", "auto")
    assert settings["workers"] > 1


@pytest.mark.parametrize("manifest", MANIFESTS, ids=_name)
def test_cluster_can_grow_until_every_worker_that_is_asked_for_has_room(manifest: Path) -> None:
    settings = _entrypoint(manifest)
    (group,) = _spec(manifest)["rayClusterSpec"]["workerGroupSpecs"]
    assert group["minReplicas"] == group["replicas"] == 0
    (container,) = group["template"]["spec"]["containers"]
    assert container["resources"]["requests"] == container["resources"]["limits"]
    limits = container["resources"]["limits"]
    memory = int(limits["memory"].removesuffix("Gi")) * GIB - int(group["rayStartParams"][STORE])
    node = {
        "CPU": float(limits["cpu"]),
        "GPU": float(limits.get("nvidia.com/gpu", 0)),
        "memory": TO_WORKERS * memory,
    }
    share = Share(settings["worker_cpus"], settings["worker_gpus"], int(settings["worker_memory"] * GIB))
    assert room([node] * group["maxReplicas"], share) == settings["workers"]


@pytest.mark.parametrize("manifest", MANIFESTS, ids=_name)
def test_no_worker_is_put_beside_the_driver_and_all_nodes_have_one_image(manifest: Path) -> None:
    cluster = _spec(manifest)["rayClusterSpec"]
    head, (group,) = cluster["headGroupSpec"], cluster["workerGroupSpecs"]
    assert head["rayStartParams"]["num-cpus"] == "0"
    images = {pod["template"]["spec"]["containers"][0]["image"] for pod in (head, group)}
    assert len(images) == 1


def test_every_image_and_cluster_has_the_ray_that_is_tested() -> None:
    tested = re.search(r"^ray==(.+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert tested is not None
    assert f"ARG RAY_VERSION={tested[1]}\n" in (DOCKER / "Dockerfile.gpu").read_text()
    assert "--constraint constraints.txt" in (DOCKER / "Dockerfile").read_text()
    assert {_spec(manifest)["rayClusterSpec"]["rayVersion"] for manifest in MANIFESTS} == {tested[1]}


def _spec(manifest: Path) -> dict[str, Any]:
    found = yaml.safe_load(manifest.read_text())
    assert (found["apiVersion"], found["kind"]) == ("ray.io/v1", "RayJob")
    return found["spec"]


def _entrypoint(manifest: Path) -> dict[str, Any]:
    """The flags of a manifest's command, as ``atlas`` reads them."""
    program, verb, *arguments = shlex.split(_spec(manifest)["entrypoint"])
    assert program == "atlas"
    group: Any = typer.main.get_command(app)
    return group.commands[verb].make_context(verb, arguments).params

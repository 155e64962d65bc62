"""What stands in for KubeRay where a cluster grows and shrinks on one machine: it starts and ends Ray nodes as Ray's
autoscaler tells it. The autoscaler is Ray's own, and imports this where the head is."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ray.autoscaler._private.fake_multi_node.node_provider import FAKE_HEAD_NODE_ID, FakeMultiNodeProvider
from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr
from ray.autoscaler.tags import (
    NODE_KIND_WORKER,
    STATUS_UP_TO_DATE,
    TAG_RAY_NODE_KIND,
    TAG_RAY_NODE_NAME,
    TAG_RAY_NODE_STATUS,
    TAG_RAY_USER_NODE_TYPE,
)
from ray_nodes import MARK, Nodes

HEAD_TYPE = "ray.head.default"  # as the provider of Ray's own tests calls it
IDLE_SECONDS = 2  # in place of the manifest's minute


def configuration(cluster: Mapping[str, Any], address: str) -> dict[str, Any]:
    """What Ray's autoscaler is told on Kubernetes for a manifest's ``rayClusterSpec``, but for who starts nodes, and
    when idle ones go."""
    made = _derive_autoscaling_config_from_ray_cr({"metadata": {"name": "test", "namespace": "test"}, "spec": cluster})
    types = dict(made["available_node_types"])
    types[HEAD_TYPE] = types.pop(made["head_node_type"])
    provider = dict(made["provider"]) | {
        "type": "external",
        "module": f"{LocalNodes.__module__}.{LocalNodes.__name__}",
        "gcs_address": address,
        "launch_multiple": True,
        "use_node_id_as_ip": True,  # all nodes are at one address
    }
    return made | {
        "provider": provider,
        "available_node_types": types,
        "head_node_type": HEAD_TYPE,
        "idle_timeout_minutes": IDLE_SECONDS / 60,
    }


def node_id(number: int) -> str:
    """The name of the node that comes as the first, second, …"""
    return f"{FAKE_HEAD_NODE_ID[:-5]}{number:05}"


def start_head(nodes: Nodes, config: Path, autoscaler: int) -> None:
    """A head without CPUs, as the manifests have it, with an autoscaler of version 1 or 2."""
    environment = {
        **_known_as(FAKE_HEAD_NODE_ID),
        "RAY_FAKE_CLUSTER": "1",
        "RAY_enable_autoscaler_v2": str(int(autoscaler == 2)),
        "AUTOSCALER_UPDATE_INTERVAL_S": "1",
    }
    nodes.start("head", head=True, cpus=0, options=[f"--autoscaling-config={config}"], environment=environment)


def _known_as(node: str) -> dict[str, str]:
    return {"RAY_OVERRIDE_NODE_ID_FOR_TESTING": node, "RAY_CLOUD_INSTANCE_ID": node}


class LocalNodes(FakeMultiNodeProvider):
    """Nodes of this machine, that have what their type says, and not what is there.

    Ray's own class is no use as it is: its nodes can have no ``memory``.
    """

    def _create_node_with_resources_and_labels(
        self, node_config: Any, tags: dict[str, str], count: int, resources: dict[str, int], labels: Any
    ) -> None:
        nodes = Nodes(Path(os.environ[MARK]), self._gcs_address)
        with self.lock:
            name = self._next_hex_node_id()
            kind = tags[TAG_RAY_USER_NODE_TYPE]
            environment = {**_known_as(name), "RAY_NODE_TYPE_NAME": kind}
            memory = f"--memory={resources['memory']}"
            nodes.start(name, cpus=resources["CPU"], options=[memory], environment=environment)
            known = {
                TAG_RAY_NODE_KIND: NODE_KIND_WORKER,
                TAG_RAY_USER_NODE_TYPE: kind,
                TAG_RAY_NODE_NAME: name,
                TAG_RAY_NODE_STATUS: STATUS_UP_TO_DATE,
            }
            self._nodes[name] = {"tags": known | tags, "of": nodes, "name": name}

    def _terminate_node(self, node: dict[str, Any]) -> None:
        node["of"].kill(node["name"])

"""What a pipeline file may say: each stage's own settings, put together."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from atlas.annotator.config import TrainConfig
from atlas.canonical.config import CanonicalizeConfig
from atlas.chunking.config import ChunkConfig
from atlas.corpus.config import CorpusConfig
from atlas.errors import AtlasError
from atlas.tagging.config import TagConfig
from atlas.yaml_nodes import Node, read


class AnnotateConfig(BaseModel):
    """The annotate stage: what is written, and who does the work."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: bool = Field(True, description="Write each chunk's text too; without it, join on doc_id and chunk_id.")
    tokens: bool = Field(False, description="Write each chunk's token ids, for a trainer to stream.")
    rejected: bool = Field(False, description="Write the concepts that were considered for a chunk and not given.")
    evidence: bool = Field(False, description="Write where in the chunk each concept stands; several times slower.")
    executor: Literal["local", "ray"] = Field("local", description="Processes of this machine, or a Ray cluster.")
    workers: int | None = Field(None, ge=1, description="Workers. Not given: one here, what Ray has room for.")
    max_workers: int | None = Field(None, ge=1, description="On Ray: up to so many, where there is room for them.")
    address: str | None = Field(None, description="Address of a running Ray cluster; one is started here without.")
    worker_cpus: float = Field(1, ge=0, description="CPUs set aside on Ray for each worker.")
    worker_gpus: float = Field(0, ge=0, description="GPUs set aside on Ray for each worker; 0.25: four share one.")
    worker_memory_gib: float = Field(0, ge=0, description="Memory set aside on Ray for each worker, in GiB.")


class PipelineConfig(BaseModel):
    """A pipeline file."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str = Field(description="What the run is called in reports.")
    out: str = Field(description="Folder for everything the pipeline makes.")
    corpus: CorpusConfig
    chunk: ChunkConfig = Field(default_factory=ChunkConfig)
    tag: TagConfig = Field(default_factory=TagConfig)
    canonicalize: CanonicalizeConfig = Field(default_factory=CanonicalizeConfig)
    train: TrainConfig = Field(default_factory=TrainConfig)
    annotate: AnnotateConfig = Field(default_factory=AnnotateConfig)


def load(path: Path) -> PipelineConfig:
    """Read a pipeline file.

    Raises:
        AtlasError: one message that names each mistake with its line.
    """
    if not path.is_file():
        raise AtlasError(f"{path}: no such pipeline file")
    root = read(path)
    if not isinstance(root.value, dict):
        raise AtlasError(f"{path}:1: a pipeline file is a mapping with name, out and corpus")
    try:
        return PipelineConfig.model_validate(plain(root))
    except ValidationError as error:
        lines = [f"{path}:{_place(root, mistake['loc'])}: {mistake['msg']}" for mistake in error.errors()]
        raise AtlasError("\n".join(lines)) from None


def plain(node: Node) -> Any:
    """The value of a node without its line numbers."""
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [plain(child) for child in node.value]
    return node.value


def _place(node: Node, steps: tuple[str | int, ...]) -> str:
    """Line and key path of a mistake. A step in the middle that is no key names the member of a union."""
    keys = []
    for number, step in enumerate(steps, 1):
        in_list = isinstance(node.value, list) and isinstance(step, int)
        if in_list or (isinstance(node.value, dict) and step in node.value):
            node = node.value[step]
        elif number < len(steps):
            continue
        keys.append(str(step))
    return f"{node.line}: {'.'.join(keys)}"

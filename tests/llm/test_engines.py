"""From a configuration to an engine, and what a worker with one needs."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter

from atlas import verbs
from atlas.errors import AtlasError
from atlas.llm.ctranslate2 import CTranslate2Config
from atlas.llm.engines import KINDS, AnyEngineConfig, EngineConfig, Needs, beside_others
from atlas.llm.openai import OpenAIConfig
from atlas.llm.vllm import VLLMConfig, load
from atlas.models.fetch import locate
from atlas.runner.run import Execution
from atlas.tables import CHUNKS
from atlas.tagging.config import TagConfig

SERVER = OpenAIConfig(base_url="http://127.0.0.1:1/v1", model="m")
PASSAGES = (
    "Tides follow the moon, and sailors have always kept tables of them.",
    "def area(radius): return math.pi * radius ** 2",
    "The council voted on Monday for the new water tax, which farmers oppose.",
    "Photosynthesis turns light, water and carbon dioxide into sugar.",
)


def test_every_kind_of_engine_is_in_the_table() -> None:
    assert {CTranslate2Config().kind, SERVER.kind, VLLMConfig().kind} == set(KINDS)
    for kind in ("ctranslate2", "vllm"):
        config: Any = TypeAdapter(EngineConfig).validate_python({"kind": kind})
        assert config.kind == kind


def test_units_are_as_large_as_the_engine_likes_them_unless_said_otherwise() -> None:
    sizes = [TagConfig(engine=engine).chunks_per_unit for engine in (CTranslate2Config(), SERVER, VLLMConfig())]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == 3
    assert TagConfig(engine=VLLMConfig(), unit_chunks=5).chunks_per_unit == 5


@pytest.mark.parametrize(
    ("config", "needs"),
    [
        (SERVER, Needs(cpus=1)),
        (CTranslate2Config(), Needs(cpus=1)),
        (CTranslate2Config(threads=4), Needs(cpus=4)),
        (VLLMConfig(device="cpu", threads=3), Needs(cpus=3)),
        (VLLMConfig(tensor_parallel=2), Needs(cpus=1, gpus=2)),
    ],
)
def test_worker_needs_the_cores_or_gpus_of_its_engine(config: AnyEngineConfig, needs: Needs) -> None:
    assert beside_others(config)[1] == needs


@pytest.mark.parametrize(
    ("config", "cores"),
    [
        (SERVER, None),
        (CTranslate2Config(), None),
        (CTranslate2Config(threads=4), 4),
        (VLLMConfig(), None),
        (VLLMConfig(device="cpu"), 1),  # vLLM is bound to all but one
        (VLLMConfig(device="cpu", threads=3), 3),
    ],
)
def test_what_is_done_beside_the_model_has_the_cores_that_the_engine_leaves(
    config: AnyEngineConfig, cores: int | None
) -> None:
    assert config.cores_beside == cores


def test_engine_that_was_to_take_every_core_takes_its_share_beside_others() -> None:
    shared, _ = beside_others(CTranslate2Config(), threads=2)
    assert shared == CTranslate2Config(threads=2)
    assert beside_others(CTranslate2Config(threads=1), threads=2)[0] == CTranslate2Config(threads=1)


def test_importing_atlas_imports_no_engine() -> None:
    heavy = "{'vllm', 'ctranslate2', 'tokenizers', 'torch', 'ray'}"
    code = f"import sys, atlas.llm.engines; found = {heavy} & set(sys.modules); sys.exit(str(found) if found else 0)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_missing_vllm_says_how_to_install_it() -> None:
    with pytest.raises(AtlasError, match=r"atlas-concepts\[vllm\].*make vllm"):
        # The tokenizer of the embedded engine's form does for getting as far as vLLM.
        load(VLLMConfig(model=str(locate("smollm2-135m-instruct"))))


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    rows = [
        {
            "doc_id": f"d{index}",
            "chunk_id": 0,
            "source": "here",
            "char_start": 0,
            "char_end": len(text),
            "token_count": len(text.split()),
            "kind": "prose",
            "status": "ok",
            "text": text,
        }
        for index, text in enumerate(PASSAGES)
    ]
    path = tmp_path / "sample.parquet"
    pq.write_table(pa.Table.from_pylist(rows, CHUNKS), path, row_group_size=1)
    return path


@pytest.mark.slow
def test_ray_and_processes_write_the_parts_that_this_process_writes(
    sample: Path, tmp_path: Path, ray_cluster: None
) -> None:
    config = TagConfig(prompt="smollm2.v1")
    ways: dict[str, dict[str, Any]] = {"here": {}, "two": {"workers": 2}, "ray": {"executor": "ray", "workers": 2}}
    for name, how in ways.items():
        assert verbs.tag(sample, config.model_copy(update=how), tmp_path / name).balanced
    parts = {name: {path.name: path.read_bytes() for path in (tmp_path / name / "parts").iterdir()} for name in ways}
    assert len(parts["here"]) == len(PASSAGES)
    assert parts["ray"] == parts["two"] == parts["here"]


@pytest.mark.slow
def test_more_gpus_than_there_are_is_an_error_that_tells_the_fix(sample: Path, tmp_path: Path) -> None:
    config = TagConfig(engine=VLLMConfig(tensor_parallel=64))
    with pytest.raises(AtlasError, match="each worker needs 1 CPU, 64 GPU, and no node of Ray"):
        verbs.tag(sample, config, tmp_path / "out", execution=Execution("ray", workers=1))

"""Tag runs with vLLM here and in Ray's actors."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from atlas import verbs
from atlas.llm.vllm import VLLMConfig
from atlas.runner.run import Execution
from atlas.tagging.config import TagConfig

ROWS = 4


def test_ray_writes_the_parts_that_this_process_writes(
    small: VLLMConfig, chunks: pa.RecordBatch, tmp_path: Path, ray_cluster: None
) -> None:
    sample = tmp_path / "sample.parquet"
    pq.write_table(pa.Table.from_batches([chunks.slice(0, 2 * ROWS)]), sample, row_group_size=ROWS)
    config = TagConfig(engine=small.model_copy(update={"threads": 1}))
    assert verbs.tag(sample, config, tmp_path / "here").balanced
    on_ray = verbs.tag(sample, config, tmp_path / "ray", execution=Execution("ray", workers=1))
    assert on_ray.balanced
    assert on_ray.counts.records_out == 2 * ROWS
    parts = _parts(tmp_path / "here")
    assert len(parts) == 2
    assert _parts(tmp_path / "ray") == parts


def _parts(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (run / "parts").iterdir()}

"""One real pipeline, run once on a small piece of the example corpus, for all tests of this folder."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_pipeline import settings

from atlas import pipeline

CORPUS = Path(__file__).parents[2] / "examples" / "corpus"


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pipeline.Outcome]:
    """The folder that holds ``corpus/`` and ``run/``, and what the run came to."""
    folder = tmp_path_factory.mktemp("pipeline")
    (folder / "corpus").mkdir()
    for name in ("web", "science", "code"):
        table: pa.Table = pq.read_table(CORPUS / f"{name}.parquet").slice(0, 24)
        pq.write_table(table, folder / "corpus" / f"{name}.parquet", row_group_size=8)
    return folder, pipeline.run(settings(folder))

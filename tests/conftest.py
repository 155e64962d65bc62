"""What tests of several folders share."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")

SENTENCES = (
    "The tide came in before the ropes were dry.",
    "Nobody had counted the lamps on the pier.",
    "A second boat followed, low in the water and slow.",
    "They spoke of prices, weather and the new road.",
    "Über den Häusern stand der Mond, 月が出ていた.",
)


@pytest.fixture
def write_corpus(tmp_path: Path) -> Callable[..., Path]:
    """Writes a folder of JSON Lines files with ``documents`` each; ``text`` replaces the text of given ids."""

    def write(name: str = "corpus", files: int = 4, documents: int = 6, text: dict[str, str] | None = None) -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        for file in range(files):
            rows = [_document(f"{file}-{row}", file * documents + row, text or {}) for row in range(documents)]
            (folder / f"{file}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return folder

    return write


def _document(doc_id: str, number: int, text: dict[str, str]) -> dict[str, Any]:
    own = " ".join(SENTENCES[(number + step) % len(SENTENCES)] for step in range(1 + number % 7))
    return {"id": doc_id, "text": text.get(doc_id, f"Log entry {number}. {own}")}


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """One Ray instance of two CPUs for all tests that ask for it; its workers can import the tests' stages."""
    import ray

    stages = Path(__file__).parent / "runner"
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        object_store_memory=100 << 20,
        runtime_env={"env_vars": {"PYTHONPATH": str(stages)}},
    )
    yield
    ray.shutdown()

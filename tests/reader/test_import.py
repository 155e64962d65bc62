"""A trainer's process pays for pyarrow and numpy alone."""

import json
import subprocess
import sys
from pathlib import Path

HEAVY = {
    "ray",
    "faiss",
    "torch",
    "numba",
    "transformers",
    "duckdb",
    "datasets",
    "pandas",
    "pydantic",
    "yaml",
    "tiktoken",
}


def test_reading_imports_nothing_heavy(run: Path, stream: Path) -> None:
    script = f"""
import json, sys

from atlas.reader import read_windows

for path in ({str(run)!r}, {str(stream)!r}):
    window = next(iter(read_windows(path, 20, split="train", validation=0.2, weights={{1: 2.0}})))
    assert window.concept_ids.shape == (20, 16)
print(json.dumps(sorted({{name.split(".")[0] for name in sys.modules}})))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not HEAVY & set(json.loads(done.stdout))

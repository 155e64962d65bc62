"""Commands start quickly: nothing heavy is imported that they don't need."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from atlas.cli.main import COMMANDS, app

Write = Callable[..., Path]
HEAVY = ("torch", "ray", "faiss", "transformers", "duckdb", "sentence_transformers", "sklearn", "datasets", "scipy")
SETTINGS = ("numpy", "pyarrow", "pydantic", "httpx", "atlas.cli.stages", "atlas.cli.runs", "atlas.cli.library.app")


def imported(names: tuple[str, ...], *arguments: str | Path) -> list[str]:
    """Which of these modules a command line has imported by its end, in a process of its own."""
    code = (
        "import sys\nfrom atlas.cli import complain_on_error\nfrom atlas.cli.main import app\n"
        f"status = complain_on_error(lambda: app({[str(a) for a in arguments]!r}))\n"
        f"print('\\n', status, *(m for m in {names!r} if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    status, *found = done.stdout.splitlines()[-1].split()
    assert status == "0", done.stderr
    return found


@pytest.mark.parametrize("arguments", [("--help",), ("-h",)])
def test_help_imports_no_command(arguments: tuple[str, ...]) -> None:
    assert imported((*HEAVY, *SETTINGS), *arguments) == []


def test_a_first_line_of_each_command_stands_in_the_help_of_all() -> None:
    group = typer.main.get_command(app)
    for name, later in COMMANDS.items():
        assert group.commands[name].help.split("\n\n")[0].replace("\n", " ") == later.help, name


def test_chunking_imports_nothing_that_it_does_not_need(write_corpus: Write, tmp_path: Path) -> None:
    assert imported(HEAVY, "chunk", write_corpus(files=1), "--out", tmp_path / "out") == []

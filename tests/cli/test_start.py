"""Commands start quickly: nothing heavy is imported that they don't need."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from atlas import __version__, verbs
from atlas.annotator import artefact
from atlas.annotator.compile import untrained
from atlas.chunking.config import ChunkConfig
from atlas.cli.main import COMMANDS, app
from atlas.corpus.config import CorpusConfig

Write = Callable[..., Path]
HEAVY = (
    *("torch", "ray", "faiss", "transformers", "sentence_transformers", "sklearn", "datasets", "ctranslate2"),
    *("duckdb", "httpx", "rich.progress", "prometheus_client"),
)
COMPILING = ("numba", "scipy")
SETTINGS = ("numpy", "pyarrow", "pydantic", "httpx", "atlas.cli.stages", "atlas.cli.runs", "atlas.cli.library.app")


@pytest.fixture
def annotator(tmp_path: Path) -> Path:
    """The folder of an annotator that has learned nothing."""
    blank = untrained()
    artefact.save(tmp_path / "annotator", blank.weights, blank.featurizer, blank.settings, {})
    return tmp_path / "annotator"


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


def test_version_is_that_of_the_package() -> None:
    code = "from atlas.cli.main import main\nmain()"
    done = subprocess.run([sys.executable, "-c", code, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"atlas {__version__}\n"


def test_help_of_all_commands_says_what_the_help_of_each_begins_with() -> None:
    group = typer.main.get_command(app)
    for name, later in COMMANDS.items():
        command = group.commands[name]
        if not hasattr(command, "commands"):  # a group's own help may be longer
            assert command.help.split("\n\n")[0].replace("\n", " ") == later.help, name


def test_chunking_imports_nothing_that_it_does_not_need(write_corpus: Write, tmp_path: Path) -> None:
    assert imported(HEAVY, "chunk", write_corpus(files=1), "--out", tmp_path / "out") == []


def test_status_imports_nothing_that_it_does_not_need(write_corpus: Write, tmp_path: Path) -> None:
    verbs.chunk(CorpusConfig(path=str(write_corpus(files=1))), ChunkConfig(), tmp_path / "out")
    assert imported((*HEAVY, *COMPILING, "atlas.cli.stages"), "status", tmp_path / "out") == []


def test_annotating_one_file_imports_nothing_that_it_does_not_need(
    annotator: Path, write_corpus: Write, tmp_path: Path
) -> None:
    corpus = write_corpus(files=1)
    assert imported(HEAVY, "annotate", corpus, "--model", annotator, "--out", tmp_path / "out") == []
    assert list((tmp_path / "out" / "parts").iterdir())

"""A curator's session at the command line: edit, diff, preview, remap."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from labelled_run import LIBRARY, labelled_run

from atlas.cli import complain_on_error
from atlas.cli.main import app
from atlas.library import store

Ran = Callable[..., str]


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with ``library``, ``before`` (the same) and ``run``, labelled with it."""
    labelled_run(tmp_path)
    for name in ("library", "before"):
        store.save(LIBRARY, tmp_path / name)
    return tmp_path


@pytest.fixture
def atlas(desk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ran:
    """Runs ``atlas library …`` at the desk and gives back what it prints, errors with it."""
    monkeypatch.chdir(desk)

    def ran(*arguments: str, status: int = 0) -> str:
        found = complain_on_error(lambda: app(["library", *arguments]))
        printed = capsys.readouterr()
        assert found == status, printed.err
        return printed.out + printed.err

    return ran


def test_session_from_edit_to_remapped_run(desk: Path, atlas: Ran) -> None:
    lib = ("--library", "library")
    assert "merged 2 ('High water')" in atlas("merge", "tides", "High water", *lib, "--why", "one thing")
    assert "split 3" in atlas("split", "Boats", "--into", "Rowing: rowing boats", "--into", "Sails: *", *lib)
    said = atlas("diff", "before", "library", "--run", "run")
    assert "merged     2 'High water' → 1 'Tides'" in said
    assert "split      3 'Boats' → 6 'Rowing', 7 'Sails'" in said
    assert "chunks of run" in said
    assert "2 changes: 1 merged, 1 split; digest" in said
    assert "2 'High water' → 1 'Tides'" in atlas("preview", "run", *lib, "--from", "before")
    assert "balanced" in atlas("remap", "run", *lib, "--out", "new")
    assert "3 (3 were done before)" in atlas("remap", "run", *lib, "--out", "new")
    assert "one thing" in atlas("history", "1", *lib)
    assert "one thing" in atlas("show", "high water", *lib)


def test_diff_as_json_has_chunks_of_the_run(desk: Path, atlas: Ran) -> None:
    atlas("retire", "lamps", "--library", "library")
    (line,) = atlas("diff", "before", "library", "--run", "run", "--json").splitlines()
    change = json.loads(line)
    assert (change["kind"], change["ids"], change["names"]) == ("retired", [5], ["Lamps"])
    assert change["chunks"] > 0


def test_add_rename_and_dry_run(desk: Path, atlas: Ran) -> None:
    lib = ("--library", "library")
    words = ("--facet", "content", "--name", "Ebb", "--description", "On the ebb.", "--alias", "outgoing tide")
    assert "nothing was written" in atlas("add", *words, *lib, "--dry-run")
    assert "added 6 ('Ebb')" in atlas("add", *words, *lib)
    assert "renamed 6" in atlas("rename", "outgoing tides", "Ebb tide", *lib, "--who", "Ann")
    assert store.load(desk / "library").by_id[6].aliases == ("outgoing tide", "Ebb")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("merge", "Tydes", "2"), "did you mean 1 ('Tides')"),
        (("retire", "99"), "no concept has this id"),
        (("split", "3", "--into", "A: *", "--describe", "A"), "'A': write it as 'NAME: TEXT'"),
        (("split", "3", "--into", "A: *", "--describe", "A: x", "--describe", "A: y"), "once for each part"),
        (("split", "3", "--into", "A: *", "--describe", "B: x"), "'B' is none of the parts; they are A"),
        (("rename", "1", "boat"), "merge the two"),
        (("remap", "run", "--out", "run"), "a run is never changed"),
        (("remap", "library", "--out", "new"), "holds no run"),
        (("preview", "corpus"), "holds no run"),
        (("sample", "--facet", "topic"), "is no facet"),
        (("history", "Tydes"), "did you mean"),
    ],
)
def test_wrong_input_ends_with_two_and_says_what_to_do(atlas: Ran, command: tuple[str, ...], words: str) -> None:
    assert words in atlas(*command, "--library", "library", status=2)


def test_library_that_the_history_does_not_lead_to_is_noted(desk: Path, atlas: Ran) -> None:
    (desk / "library" / "content.yaml").write_text(
        (desk / "library" / "content.yaml").read_text().replace("Passages about rope.", "On ropes.")
    )
    assert "give it with --from" in atlas("preview", "run", "--library", "library")
    assert "note" not in atlas("preview", "run", "--library", "library", "--from", "before")


def test_stats_of_a_run_and_sample(desk: Path, atlas: Ran) -> None:
    said = atlas("stats", "library", "--run", "run")
    assert "chunks have a concept" in said
    assert json.loads(atlas("stats", "library", "--json"))["active"] == 5
    assert atlas("sample", "2", "--library", "library") == atlas("sample", "2", "--library", "library")
    assert "Boats" in atlas("sample", "5", "--seed", "3", "--library", "library")

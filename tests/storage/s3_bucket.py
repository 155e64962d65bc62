"""A bucket of an S3 server as tests see it."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow.fs as pafs
from faulty_proxy import Proxy


@dataclass(frozen=True)
class Bucket:
    """``filesystem`` goes to the server itself: for tests to look and change things behind the proxy's back."""

    name: str
    proxy: Proxy
    filesystem: pafs.FileSystem

    def url(self, key: str, options: str = "") -> str:
        """The URL of a key, through the proxy; ``options`` as in a query."""
        return f"s3://{self.name}/{key}?endpoint_override=http://127.0.0.1:{self.proxy.port}&region=us-east-1{options}"

    def put(self, key: str, content: bytes) -> None:
        with self.filesystem.open_output_stream(f"{self.name}/{key}", compression=None) as stream:
            stream.write(content)

    def upload(self, folder: Path, key: str) -> None:
        for path in sorted(folder.iterdir()):
            self.put(f"{key}/{path.name}", path.read_bytes())

    def delete(self, key: str) -> None:
        self.filesystem.delete_file(f"{self.name}/{key}")

    def objects(self, below: str = "") -> dict[str, bytes]:
        """Every object below a folder, with its bytes."""
        root = f"{self.name}/{below}".rstrip("/")
        infos = self.filesystem.get_file_info(pafs.FileSelector(root, recursive=True, allow_not_found=True))
        files = sorted(info.path for info in infos if info.type == pafs.FileType.File)
        return {path[len(root) + 1 :]: self._read(path) for path in files}

    def _read(self, path: str) -> bytes:
        with self.filesystem.open_input_stream(path, compression=None) as stream:
            return stream.read()

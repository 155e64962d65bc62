"""``atlas chunk``, ``status`` and ``retry`` as a shell sees them: exit status, standard output, standard error."""

import json
import os
import pty
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest

from atlas import verbs
from atlas.chunking.config import ChunkConfig
from atlas.chunking.stage import ChunkStage
from atlas.cli import complain_on_error, show
from atlas.cli.main import app
from atlas.cli.progress.tally import Tally
from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.runner.counts import Counts
from atlas.runner.run import Result, run
from atlas.stage import Process

Write = Callable[..., Path]
ROOT = Path(__file__).parents[2]
ESCAPE = "\x1b"
PROGRAM = [sys.executable, "-m", "atlas.cli.main"]


@dataclass(frozen=True)
class Answer:
    """What a shell sees of a command."""

    status: int
    out: str
    err: str


Atlas = Callable[..., Answer]


@pytest.fixture
def atlas(capsys: pytest.CaptureFixture[str]) -> Atlas:
    """Runs a command line in this process."""

    def ran(*arguments: str | Path) -> Answer:
        status = complain_on_error(lambda: app([str(argument) for argument in arguments]))
        return Answer(status, *capsys.readouterr())

    return ran


@dataclass(frozen=True)
class Stumbles(ChunkStage):
    """A chunk stage that can't process one of the documents."""

    def load(self) -> Process:
        process = ChunkStage(self.config).load()

        def stumbling(documents: pa.RecordBatch) -> pa.RecordBatch:
            if "1-3" in documents.column("doc_id").to_pylist():
                raise ValueError("a stone")
            return process(documents)

        return stumbling


@pytest.fixture
def stumbled(write_corpus: Write, tmp_path: Path) -> Path:
    """The folder of a run in which one document of 24 was quarantined."""
    corpus, out = CorpusConfig(path=str(write_corpus()), id="id"), tmp_path / "stumbled"
    recipe = {"corpus": corpus.model_dump(mode="json"), "chunk": ChunkConfig().model_dump(mode="json")}
    assert run(Stumbles(ChunkConfig()), DocumentSource(corpus), out, corpus.path, recipe).counts.quarantined == 1
    return out


def _listing(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))}


def test_chunk_in_a_pipe_prints_its_balance_and_nothing_else(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    done = subprocess.run(
        [*PROGRAM, "chunk", corpus, "--id", "id", "--out", out, "--workers", "2"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert ESCAPE not in done.stdout
    assert "24 in = 24 out + 0 quarantined: balanced" in done.stdout
    assert f"{out}/parts" in done.stdout


def test_chunk_on_a_terminal_draws_its_progress_on_standard_error_alone(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(files=2), tmp_path / "out"
    terminal, end = pty.openpty()
    with subprocess.Popen(
        [*PROGRAM, "chunk", corpus, "--out", out],
        stdout=subprocess.PIPE,
        stderr=end,
        text=True,
        env=os.environ | {"TERM": "xterm"},
    ) as process:
        os.close(end)
        drawn = _read_to_the_end(terminal)
        assert process.stdout is not None
        printed = process.stdout.read()
    assert process.returncode == 0
    assert "2/2" in drawn
    assert "documents/s" in drawn
    assert ESCAPE not in printed
    assert "balanced" in printed


def _read_to_the_end(terminal: int) -> str:
    drawn = b""
    try:
        while block := os.read(terminal, 4096):
            drawn += block
    except OSError:  # how a terminal says that nobody is at the other end any more
        pass
    os.close(terminal)
    return drawn.decode()


def test_summary_tells_time_rate_and_quarantine_by_reason(write_corpus: Write, tmp_path: Path, atlas: Atlas) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    with (corpus / "2.jsonl").open("a") as more:
        more.write('{"id": "a", "text": null}\n{"id": "b", "text": 7}\n{"id": "c", "text": null}\n')
    said = atlas("chunk", corpus, "--out", out, "--id", "id").out
    assert re.search(r"^time +\d+ s \([\d,.]+ documents/s, [\d,]+ tokens/s\)$", said, re.MULTILINE)
    assert f"quarantine {out}/quarantine: 2 null_text, 1 text_not_string\n" in said
    assert f"`atlas status {out} --quarantine` lists the records" in said
    assert "atlas retry" not in said
    assert "\ntime " not in atlas("chunk", corpus, "--out", out, "--id", "id").out


def test_summary_fits_a_screen_whatever_went_wrong() -> None:
    failures = tuple(f"web-{number}: the file breaks off" for number in range(500))
    result = Result(Counts(9, 8, 1, rows=20, tokens=200, labels=90), 502, 2, failures, waiting=0)
    tally = Tally(502, 2, 500, 500, 0.0, 0.0).and_unit(1, Counts(9, 8, 1), now=2.0)
    lines = show.run_result(result, "out", tally, {"processing": 1}, then="go on").splitlines()
    assert len(lines) <= 24
    assert "          `atlas retry out` takes up those on which the stage failed" in lines
    assert lines[-2:] == ["not done: web-7: the file breaks off", "… and 492 more"]
    assert not any(line.startswith("next") for line in lines)
    sound = Result(Counts(9, 9, rows=20), 1, 0)
    assert show.run_result(sound, "out", then="go on").splitlines()[-1] == "next      go on"


def test_summary_of_a_shard_says_for_how_many_units_it_waits() -> None:
    lines = show.run_result(Result(Counts(9, 9), 10, 5, waiting=3), "out", then="go on").splitlines()
    assert lines[-1] == "waits     for 3 units of other shards; the last to end strikes the balance"


def test_chunk_again_says_what_was_done_before(write_corpus: Write, tmp_path: Path, atlas: Atlas) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    command = ("chunk", corpus, "--out", out, "--id", "id")
    assert atlas(*command).status == 0
    before = _listing(out / "parts")
    answer = atlas(*command)
    assert (answer.status, answer.err) == (0, "")
    assert "4 were done before" in answer.out
    assert _listing(out / "parts") == before


def test_chunk_of_a_corpus_that_is_not_there_exits_with_2_and_names_it(tmp_path: Path, atlas: Atlas) -> None:
    answer = atlas("chunk", tmp_path / "nowhere", "--out", tmp_path / "out")
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.startswith(f"atlas: {tmp_path}/nowhere: no such file")
    assert not (tmp_path / "out").exists()


def test_chunk_into_a_folder_of_somebody_else_exits_with_2(write_corpus: Write, tmp_path: Path, atlas: Atlas) -> None:
    corpus = write_corpus()
    before = _listing(corpus)
    answer = atlas("chunk", corpus, "--out", corpus)
    assert (answer.status, answer.out) == (2, "")
    assert "holds files that are not a run's" in answer.err
    assert _listing(corpus) == before


def test_chunk_below_a_file_exits_with_2_and_one_line(write_corpus: Write, tmp_path: Path, atlas: Atlas) -> None:
    (tmp_path / "file").touch()
    answer = atlas("chunk", write_corpus(), "--out", tmp_path / "file" / "out")
    assert (answer.status, answer.out) == (2, "")
    assert len(answer.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("chunk", "corpus"), "--out"),
        (("chunk", "corpus", "--out", "x", "--tokens", "9"), "--tokens"),
        (("chunk", "corpus", "--out", "x", "--workers", "0"), "--workers"),
        (("chunk", "corpus", "--out", "x", "--target-tokens", "4"), "--target-tokens"),
        (("nonsense",), "nonsense"),
        (("status",), "folder"),
    ],
)
def test_wrong_flags_exit_with_2_and_name_the_flag(
    atlas: Atlas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = atlas(*arguments)
    assert (answer.status, answer.out) == (2, "")
    assert said in answer.err.lower()
    assert "Traceback" not in answer.err
    assert not list(tmp_path.iterdir())


def test_help_exits_with_0(atlas: Atlas) -> None:
    answer = atlas("chunk", "--help")
    assert (answer.status, answer.err) == (0, "")
    assert "--target-tokens" in answer.out


def test_chunk_with_an_id_in_two_files_exits_with_1_and_names_both_parts(
    write_corpus: Write, tmp_path: Path, atlas: Atlas
) -> None:
    corpus, out = write_corpus(files=3), tmp_path / "out"
    shutil.copy(corpus / "0.jsonl", corpus / "9.jsonl")
    answer = atlas("chunk", corpus, "--out", out, "--id", "id")
    assert answer.status == 1
    assert "NOT BALANCED" in answer.out
    assert "'0-0' in 0.jsonl-00000000-00000001.parquet and 9.jsonl-00000000-00000001.parquet" in answer.out
    assert answer.err == f"atlas: {out}: the balance does not hold; see above\n"
    assert atlas("status", out).status == 1


def test_dry_run_prints_the_plan_and_touches_nothing(write_corpus: Write, tmp_path: Path, atlas: Atlas) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    before = _listing(tmp_path)
    command = ("chunk", corpus, "--out", out, "--id", "id")
    answer = atlas(*command, "--dry-run")
    assert (answer.status, answer.err) == (0, "")
    assert "4 of 4 units" in answer.out
    assert _listing(tmp_path) == before
    atlas(*command)
    (corpus / "3.jsonl").write_text('{"id": "a", "text": "changed"}\n')
    before = _listing(tmp_path)
    assert "1 of 4 units (3 already in" in atlas(*command, "--dry-run").out
    assert _listing(tmp_path) == before


def test_dry_run_of_a_corpus_that_is_not_there_exits_with_2(tmp_path: Path, atlas: Atlas) -> None:
    assert atlas("chunk", tmp_path / "nowhere", "--out", tmp_path / "out", "--dry-run").status == 2
    assert not list(tmp_path.iterdir())


def test_status_of_a_complete_run_exits_with_0(stumbled: Path, atlas: Atlas) -> None:
    answer = atlas("status", stumbled, "--verify")
    assert (answer.status, answer.err) == (0, "")
    assert "4 of 4 units" in answer.out
    assert "24 in = 23 out + 1 quarantined" in answer.out
    assert "1 processing" in answer.out


def test_status_lists_what_is_in_quarantine(stumbled: Path, atlas: Atlas) -> None:
    lines = atlas("status", stumbled, "--quarantine").out.splitlines()
    assert "1-3" in lines[-1]
    assert "ValueError: a stone" in lines[-1]


def test_status_of_a_run_with_a_part_removed_exits_with_1(stumbled: Path, atlas: Atlas) -> None:
    next((stumbled / "parts").glob("0*")).unlink()
    answer = atlas("status", stumbled)
    assert answer.status == 1
    assert "3 of 4 units" in answer.out


def test_status_of_a_run_with_a_damaged_part_exits_with_1_and_names_it(stumbled: Path, atlas: Atlas) -> None:
    damaged = next((stumbled / "parts").glob("0*"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    answer = atlas("status", stumbled)
    assert answer.status == 1
    assert f"damaged     {damaged}" in answer.out


def test_damage_that_status_finds_is_mended_by_the_flag_that_it_names(
    write_corpus: Write, tmp_path: Path, atlas: Atlas
) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    command = ("chunk", corpus, "--out", out, "--id", "id")
    atlas(*command)
    damaged = next((out / "parts").glob("0*"))
    whole = bytearray(damaged.read_bytes())
    whole[20] ^= 0x10
    damaged.write_bytes(whole)
    assert atlas("status", out).status == 0
    answer = atlas("status", out, "--verify")
    assert answer.status == 1
    assert f"damaged     {damaged}: run again with --verify" in answer.out
    assert "1 of 4 units (3 already in" in atlas(*command, "--verify", "--dry-run").out
    assert "3 were done before" in atlas(*command, "--verify").out
    assert atlas("status", out, "--verify").status == 0


def test_chunk_of_which_nothing_comes_out_exits_with_1_and_says_why(tmp_path: Path, atlas: Atlas) -> None:
    corpus, out = tmp_path / "corpus.jsonl", tmp_path / "out"
    corpus.write_text('{"id": "a", "text": null}\n{"id": "b", "text": null}\n')
    for _ in range(2):
        answer = atlas("chunk", corpus, "--out", out)
        assert answer.status == 1
        assert "2 in = 0 out + 2 quarantined: balanced" in answer.out
        assert f"every record is in quarantine: null_text: column 'text' is null ({corpus}, byte 0)" in answer.out
        assert answer.err == f"atlas: {out}: nothing came out; see above\n"
    answer = atlas("status", out)
    assert answer.status == 1
    assert "problem     every record is in quarantine: null_text" in answer.out


def test_status_of_a_folder_of_runs_looks_at_each(stumbled: Path, write_corpus: Write, atlas: Atlas) -> None:
    atlas("chunk", write_corpus("second"), "--out", stumbled.parent / "other")
    answer = atlas("status", stumbled.parent)
    assert answer.status == 0
    assert answer.out.count(" of 4 units") == 2
    next((stumbled / "parts").glob("0*")).unlink()
    assert atlas("status", stumbled.parent).status == 1


def test_status_without_a_run_exits_with_2(tmp_path: Path, atlas: Atlas) -> None:
    answer = atlas("status", tmp_path)
    assert (answer.status, answer.out) == (2, "")
    assert answer.err == f"atlas: {tmp_path}: holds no run, nor does a folder in it\n"


def test_status_fits_a_screen_and_says_where_a_run_is_from(write_corpus: Write, tmp_path: Path, atlas: Atlas) -> None:
    corpus, out = write_corpus(files=30, documents=1), tmp_path / "out"
    assert atlas("chunk", corpus, "--out", out, "--id", "id").status == 0
    said = atlas("status", out).out
    assert len(said.splitlines()) <= 24
    assert re.search(r"complete\n .*inputs +30 files, [\d,]+ bytes, digest \w{12}\n", said, re.DOTALL)
    assert "settings    max_tokens 200, target_tokens 100, tokenizer cl100k_base" in said
    assert f"@{socket.gethostname()}, 20" in said
    assert "pyarrow " in said and "local, workers 1" in said
    for part in (out / "parts").iterdir():
        part.write_bytes(b"torn")
    said = atlas("status", out).out
    assert len(said.splitlines()) <= 24
    assert "… and 22 more" in said


def test_status_as_json_has_one_object_a_run(stumbled: Path, write_corpus: Write, atlas: Atlas) -> None:
    atlas("chunk", write_corpus("second"), "--out", stumbled.parent / "other")
    other, first = (json.loads(line) for line in atlas("status", stumbled.parent, "--json").out.splitlines())
    assert (first["path"], first["state"], first["quarantine"]) == (str(stumbled), "complete", {"processing": 1})
    assert (first["parts"], first["units"], first["counts"]["records_out"]) == (4, 4, 23)
    assert (first["log"], first["live"]) == ([], [])
    assert [sitting["outcome"] for sitting in other["log"]] == ["done"]
    next((stumbled / "parts").glob("0*")).unlink()
    answer = atlas("status", stumbled, "--json")
    assert (answer.status, json.loads(answer.out)["state"]) == (1, "incomplete")


def test_every_key_of_status_as_json_is_in_the_reference(stumbled: Path, write_corpus: Write, atlas: Atlas) -> None:
    atlas("chunk", write_corpus("second"), "--out", stumbled.parent / "other")
    found = json.loads(atlas("status", stumbled.parent / "other", "--json").out)
    text = (ROOT / "docs" / "reference" / "runs.md").read_text(encoding="utf-8")
    for title, keys in (("Status as JSON", found), ("log", found["log"][0])):
        section = text.split(f"\n## {title}\n")[1].split("\n## ")[0]
        told = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (.*?) \|", section, re.MULTILINE))))
        assert told == set(keys), title


def test_status_of_a_killed_run_says_so_and_what_to_do(write_corpus: Write, tmp_path: Path, atlas: Atlas) -> None:
    corpus, out = CorpusConfig(path=str(write_corpus()), id="id"), tmp_path / "out"

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verbs.chunk(corpus, ChunkConfig(), out, hooks=verbs.Hooks(watch=stop))
    answer = atlas("status", out)
    assert answer.status == 1
    assert re.search(r"stopped     interrupted \(20.*\); the same command goes on from there", answer.out)
    assert "1 of 4 units" in answer.out


def test_status_of_a_live_run_says_who_how_far_and_how_fast(write_corpus: Write, tmp_path: Path, atlas: Atlas) -> None:
    corpus, out = CorpusConfig(path=str(write_corpus()), id="id"), tmp_path / "out"
    said: list[str] = []
    verbs.chunk(corpus, ChunkConfig(), out, hooks=verbs.Hooks(watch=lambda *_: said.append(atlas("status", out).out)))
    assert all(f"running     pid {os.getpid()} on {socket.gethostname()}, since 20" in each for each in said)
    assert ["1 of 4 units" in each for each in said] == [True, False, False, False]


def test_status_into_a_pipe_that_is_closed_ends_quietly(stumbled: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*PROGRAM, "status", stumbled], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_status_onto_a_full_disk_exits_with_2_and_one_line(stumbled: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*PROGRAM, "status", stumbled], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (2, "atlas: No space left on device\n")


def test_retry_brings_records_back_and_says_how_many(stumbled: Path, atlas: Atlas) -> None:
    answer = atlas("retry", stumbled)
    assert (answer.status, answer.out, answer.err) == (0, "1 records out of quarantine, 0 still there\n", "")
    assert "24 in = 24 out + 0 quarantined" in atlas("status", stumbled).out
    assert atlas("retry", stumbled).out == "0 records out of quarantine, 0 still there\n"


def test_retry_keeps_what_never_was_a_document(write_corpus: Write, tmp_path: Path, atlas: Atlas) -> None:
    corpus, out = write_corpus(files=1), tmp_path / "out"
    with (corpus / "0.jsonl").open("a") as lines:
        lines.write(json.dumps({"id": "0-0", "text": "twice"}) + "\n")
    assert atlas("chunk", corpus, "--out", out, "--id", "id").status == 0
    assert atlas("retry", out).out.splitlines() == [
        "0 records out of quarantine, 1 still there",
        f"1 duplicate_id: mend the input, then `atlas retry {out}` again",
        f"`atlas status {out} --quarantine` lists the records",
    ]
    corpus.joinpath("0.jsonl").write_text(
        corpus.joinpath("0.jsonl").read_text().replace('"0-0", "text": "t', '"new", "text": "t')
    )
    assert atlas("retry", out).out.splitlines() == [
        "1 records out of quarantine, 0 still there",
        "1 units made anew, as their input has changed",
    ]
    assert "7 in = 7 out + 0 quarantined" in atlas("status", out).out


def test_retry_exits_with_1_and_says_what_is_a_runs_to_do(stumbled: Path, atlas: Atlas) -> None:
    for part in (stumbled / "parts").glob("0*.parquet"):
        part.unlink()
    answer = atlas("retry", stumbled)
    assert answer.status == 1
    assert "0.jsonl-00000000-00000001: its part is missing; run the same command again" in answer.out


def test_retry_without_a_run_exits_with_2_and_leaves_no_trace(tmp_path: Path, atlas: Atlas) -> None:
    answer = atlas("retry", tmp_path / "nowhere")
    assert (answer.status, answer.out) == (2, "")
    assert f"{tmp_path}/nowhere: holds no run" in answer.err
    assert not list(tmp_path.iterdir())


def test_retry_whose_corpus_is_gone_exits_with_2_and_names_it(stumbled: Path, atlas: Atlas) -> None:
    shutil.rmtree(stumbled.parent / "corpus")
    answer = atlas("retry", stumbled)
    assert (answer.status, answer.out) == (2, "")
    assert str(stumbled.parent / "corpus") in answer.err


def test_verbs_keep_quiet(write_corpus: Write, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    corpus = CorpusConfig(path=str(write_corpus()))
    assert verbs.chunk(corpus, ChunkConfig(), tmp_path / "out").balanced
    assert verbs.retry(tmp_path / "out").left == 0
    assert capfd.readouterr() == ("", "")

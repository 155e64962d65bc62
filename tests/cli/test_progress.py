"""What a run shows while it works: numbers, words, JSON lines and metrics."""

import json
import re
import socket
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from atlas import verbs
from atlas.chunking.config import ChunkConfig
from atlas.cli import complain_on_error
from atlas.cli.main import app
from atlas.cli.progress import Watching, lines, shown, words
from atlas.cli.progress.tally import Tally
from atlas.corpus.config import CorpusConfig
from atlas.errors import AtlasError
from atlas.llm.costs import Prices
from atlas.runner.counts import Counts
from atlas.verbs import HERE, Hooks

Write = Callable[..., Path]
ROOT = Path(__file__).parents[2]
FREE = Prices()


def chunked(corpus: Path, out: Path, hooks: Hooks) -> None:
    assert verbs.chunk(CorpusConfig(path=str(corpus), id="id"), ChunkConfig(), out, HERE, hooks).balanced


def counts(documents: int, tokens: int, quarantined: int = 0) -> Counts:
    return Counts(documents, documents - quarantined, quarantined, rows=2 * documents, tokens=tokens)


# The tally


def test_time_left_goes_by_bytes_not_by_units() -> None:
    start = Tally(units=3, before=0, todo=3, weight_todo=1000, started=100.0, last=100.0)
    assert start.left(150.0) is None
    one = start.and_unit(800, counts(8, 80), now=108.0)
    assert one.left(108.0) == pytest.approx(2.0)
    assert one.left(109.5) == pytest.approx(0.5)
    assert one.left(120.0) == 0.0
    assert one.rate(one.tokens) == pytest.approx(10.0)


def test_rate_does_not_fall_while_a_unit_is_at_work() -> None:
    one = Tally(2, 0, 2, 200, started=0.0, last=0.0).and_unit(100, counts(5, 50), now=10.0)
    assert words.pace(one, FREE) == "0.5 documents/s, 5 tokens/s"


def test_what_was_done_before_counts_as_done_but_not_for_the_rate() -> None:
    tally = Tally(units=10, before=8, todo=2, weight_todo=20, started=0.0, last=0.0)
    line = words.line("annotating", tally.and_unit(10, counts(4, 400, quarantined=1), now=2.0), FREE, now=2.0)
    assert line == (
        "annotating: 9 of 10 units, 4 documents, 400 tokens, 2.0 documents/s, 200 tokens/s, 1 quarantined, 2 s left"
    )


def test_tag_run_shows_chunks_the_tokens_of_the_llm_and_money() -> None:
    asked = Counts(64, 64, sums={"prompt_tokens": 6400, "completion_tokens": 3200})
    tally = Tally(2, 0, 2, 20, 0.0, 0.0).and_unit(10, asked, now=32.0)
    assert tally.tokens == 9600
    assert words.pace(tally, Prices(per_hour=90)) == "2.0 chunks/s, 300 tokens/s, money 0.8"
    assert words.pace(tally, FREE) == "2.0 chunks/s, 300 tokens/s"
    assert "64 chunks, 9,600 tokens" in words.line("tagging", tally, FREE, now=32.0)


# JSON lines


def objects(said: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.splitlines()]


def test_json_lines_tell_of_start_and_end_with_the_same_keys(
    write_corpus: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = write_corpus(files=3, text={"1-1": "x" * 50})
    with (corpus / "2.jsonl").open("a") as more:
        more.write('{"id": "2-9", "text": null}\n')
    with shown(Watching("json"), label="chunking") as hooks:
        hooks.say("first step")
        chunked(corpus, tmp_path / "out", hooks)
    step, started, done = objects(capsys.readouterr().err)
    assert (step["event"], step["step"]) == ("step", "first step")
    assert (started["event"], started["units_done"], started["seconds_left"]) == ("started", 0, None)
    assert (done["event"], done["units"], done["units_done"], done["seconds_left"]) == ("done", 3, 3, 0.0)
    assert (done["records"], done["quarantined"]) == (19, 1)
    assert done["tokens"] > 0 and done["tokens_per_s"] > 0 and done["records_per_s"] > 0
    assert started.keys() == done.keys()
    assert started["run"] == done["run"]


def test_json_lines_of_a_run_that_breaks_off_end_with_stopped(
    write_corpus: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), shown(Watching("json")) as hooks:
        chunked(write_corpus(), tmp_path / "out", Hooks(started=hooks.started, watch=stop))
    assert [line["event"] for line in objects(capsys.readouterr().err)] == ["started", "stopped"]


def test_json_lines_come_by_the_clock_while_a_unit_is_at_work(capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally(2, 0, 2, 20, 0.0, 0.0).and_unit(10, counts(4, 400), now=2.0)
    with lines.json_lines(seconds=0.001) as view:
        view.begun("annotating", tally)
        said = ""
        while said.count("progress") < 2:
            said += capsys.readouterr().err
    assert all(line["step"] == "annotating" for line in objects(said))


def test_every_key_of_json_lines_is_in_the_reference() -> None:
    text = (ROOT / "docs" / "reference" / "runs.md").read_text(encoding="utf-8")
    section = text.split("\n## Progress as JSON lines\n")[1].split("\n## ")[0]
    told = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (.*?) \|", section, re.MULTILINE))))
    assert told == {"event", "time", "run", "step", *lines.figures(Tally(1, 0, 1, 1, 0.0, 0.0), 0.0)}


# Plain lines


def test_plain_lines_come_by_the_clock(capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally(2, 0, 2, 20, 0.0, 0.0).and_unit(10, counts(4, 400), now=2.0)
    with lines.plain(FREE, seconds=0.001) as view:
        view.begun("annotating", tally)
        said = ""
        while not said.endswith("\n"):
            said += capsys.readouterr().err
    assert said.startswith("atlas: annotating: 1 of 2 units, 4 documents, 400 tokens")


# Metrics


def values(text: str) -> dict[str, float]:
    return {sample.name: sample.value for family in text_string_to_metric_families(text) for sample in family.samples}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_endpoint_of_a_run_counts_unit_by_unit(write_corpus: Write, tmp_path: Path) -> None:
    port, scraped = free_port(), []
    corpus = write_corpus(files=3)
    with shown(Watching("none", port), label="chunking") as hooks:

        def watch(unit: str, done: Counts) -> None:
            assert hooks.watch is not None
            hooks.watch(unit, done)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                scraped.append(values(answer.read().decode()))

        chunked(corpus, tmp_path / "out", Hooks(started=hooks.started, watch=watch))
    assert [at["atlas_units_done"] for at in scraped] == [1, 2, 3]
    assert [at["atlas_documents_total"] for at in scraped] == [6, 12, 18]
    assert scraped[0]["atlas_tokens_total"] < scraped[2]["atlas_tokens_total"]
    assert scraped[0]["atlas_time_left_seconds"] > 0
    assert scraped[2]["atlas_time_left_seconds"] == 0
    assert scraped[2]["atlas_input_bytes_total"] == sum(file.stat().st_size for file in corpus.iterdir())
    assert {(at["atlas_units"], at["atlas_running"], at["atlas_quarantined_total"]) for at in scraped} == {(3, 1, 0)}
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10)


def test_metrics_file_holds_the_end_of_the_run(write_corpus: Write, tmp_path: Path) -> None:
    file = tmp_path / "atlas.prom"
    with shown(Watching("none", file=file), label="chunking") as hooks:
        assert file.exists()
        chunked(write_corpus(), tmp_path / "out", hooks)
    end = values(file.read_text())
    assert (end["atlas_units_done"], end["atlas_documents_total"], end["atlas_running"]) == (4, 24, 0)
    assert end["atlas_last_unit_time_seconds"] >= end["atlas_start_time_seconds"]
    assert "atlas_run_info{" in file.read_text() and 'step="chunking"' in file.read_text()
    assert list(tmp_path.glob("atlas.prom*")) == [file]


def test_every_metric_is_in_the_reference(write_corpus: Write, tmp_path: Path) -> None:
    with shown(Watching("none", file=tmp_path / "atlas.prom")) as hooks:
        chunked(write_corpus(files=1), tmp_path / "out", hooks)
    text = (ROOT / "docs" / "reference" / "runs.md").read_text(encoding="utf-8")
    section = text.split("\n## Metrics\n")[1].split("\n## ")[0]
    told = set(re.findall(r"`(atlas_\w+)`", "".join(re.findall(r"^\| (.*?) \|", section, re.MULTILINE))))
    assert told == set(values((tmp_path / "atlas.prom").read_text()))


def test_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(AtlasError, match=f"--metrics-port {port}: .*choose another port"),
            shown(Watching(port=port)),
        ):
            pass


def test_metrics_file_in_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "atlas.prom"
    with pytest.raises(AtlasError, match=f"--metrics-file {file}: can't be written"), shown(Watching(file=file)):
        pass


# Flags


def test_flags_reach_the_run(write_corpus: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["chunk", str(write_corpus()), "--out", str(tmp_path / "out"), "--progress", "json"]
    assert complain_on_error(lambda: app([*command, "--metrics-file", str(tmp_path / "m.prom")])) == 0
    said = capsys.readouterr()
    assert [line["event"] for line in objects(said.err)] == ["started", "done"]
    assert "balanced" in said.out
    assert values((tmp_path / "m.prom").read_text())["atlas_units_done"] == 4
    assert complain_on_error(lambda: app([*command, "--quiet"])) == 0
    assert capsys.readouterr().err == ""

"""Cost in words: before, while and after an LLM tags."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from atlas.cli import complain_on_error
from atlas.cli.costs import amount, duration, estimated, plan_lines, spent
from atlas.cli.main import app
from atlas.tagging.estimate import Estimate
from atlas.tagging.spending import Spent

KNOWN = Estimate(700, "chunks", 210_000, 70_000, 350.0, 1.4, "8 chunks were tagged to find out")
UNKNOWN = Estimate(700, "chunks", None, None, None, None, "m is to be fetched first")


def test_estimate_has_a_line_for_each_quantity() -> None:
    lines = estimated(KNOWN).splitlines()
    assert lines[0] == "chunks     700: the limit in chunks"
    assert lines[1] == "tokens     about 210,000 of prompts + 70,000 of answers"
    assert lines[2] == "time       about 6 min"
    assert lines[3] == "money      about 1.40"
    assert lines[-1] == "nothing was written"


def test_estimate_says_what_is_not_known_and_why() -> None:
    lines = estimated(UNKNOWN).splitlines()
    assert lines[1:4] == ["tokens     not known", "time       not known", "money      not known"]
    assert "m is to be fetched first" in lines[4]


def test_plan_leaves_out_what_is_not_known() -> None:
    assert plan_lines(UNKNOWN, "e: m") == [
        "tagging    up to 700 chunks with e: m",
        "           (m is to be fetched first)",
    ]
    assert "about 6 min, about 1.40" in plan_lines(KNOWN, "e: m")[1]


def test_closing_line_leaves_out_what_is_not_known() -> None:
    assert spent(Spent(64, 6400, 3200, 32.0, 12.5)) == (
        "64 chunks, 6,400 + 3,200 tokens (prompts + answers), 2.0 chunks/s, 300 tokens/s, money 12.50"
    )
    assert spent(Spent(64, 0, 0, 0.0, None)) == "64 chunks"


@pytest.mark.parametrize(("money", "text"), [(0.0, "0.00"), (0.00123, "0.00123"), (0.5, "0.5"), (1234.5, "1,234.50")])
def test_little_money_is_not_rounded_away(money: float, text: str) -> None:
    assert amount(money) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.1, "1 s"), (89, "89 s"), (600, "10 min"), (9000, "2.5 h")])
def test_durations_are_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert duration(seconds) == text


# The commands

Write = Callable[..., Path]
Atlas = Callable[..., tuple[int, str, str]]


@pytest.fixture
def atlas(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Atlas:
    """Runs a command line where no model was fetched; gives status, output and errors."""
    monkeypatch.setenv("ATLAS_CACHE", str(tmp_path / "no-models"))

    def ran(*arguments: str | Path) -> tuple[int, str, str]:
        status = complain_on_error(lambda: app([str(argument) for argument in arguments]))
        return status, *capsys.readouterr()

    return ran


def test_estimate_of_a_tag_run_writes_nothing(write_corpus: Write, tmp_path: Path, atlas: Atlas) -> None:
    command = ("tag", write_corpus(), "--out", tmp_path / "out", "--chunks", "5", "--price-per-hour", "360")
    status, out, err = atlas(*command, "--estimate")
    assert (status, err) == (0, "")
    assert "chunks     5: the limit in chunks" in out
    assert "time       about 2 s" in out
    assert "money      about 0.2" in out
    assert "atlas-tagger-135m is to be fetched first" in out
    assert not (tmp_path / "out").exists()


def test_estimate_of_a_pipeline_writes_nothing(write_corpus: Write, tmp_path: Path, atlas: Atlas) -> None:
    settings = {
        "name": "own",
        "out": str(tmp_path / "run"),
        "corpus": {"path": str(write_corpus())},
        "tag": {"sample": {"minutes": 0.1}, "engine": {"kind": "ctranslate2", "chunks_per_s": 1}},
    }
    pipeline = tmp_path / "own.yaml"
    pipeline.write_text(json.dumps(settings))
    status, out, _ = atlas("run", pipeline, "--estimate")
    assert status == 0
    assert "chunks     about 6: the limit in minutes" in out
    assert not (tmp_path / "run").exists()


def test_price_of_tokens_is_refused_by_an_engine_that_has_none(
    write_corpus: Write, tmp_path: Path, atlas: Atlas
) -> None:
    command = ("tag", write_corpus(), "--out", tmp_path / "out", "--price-per-million-input", "3", "--estimate")
    status, _, err = atlas(*command)
    assert status == 2
    assert "--price-per-million-input" in err

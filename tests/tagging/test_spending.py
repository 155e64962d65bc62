"""What a tag run has cost: kept beside the parts, whatever happens in between."""

import json
from pathlib import Path

import pytest

from atlas.llm.costs import Prices
from atlas.tagging.spending import SECONDS, noted_seconds, noting, spent


def test_every_unit_takes_the_time_since_the_one_before(tmp_path: Path) -> None:
    ticks = iter([100.0, 103.0, 104.5])
    watched = noting(tmp_path, None, clock=lambda: next(ticks))
    watched("a", object())
    watched("b", object())
    assert noted_seconds(tmp_path, ["a"]) == 3.0
    assert noted_seconds(tmp_path, ["a", "b"]) == 4.5


def test_watch_behind_it_is_called(tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []
    noting(tmp_path, lambda unit, counts: seen.append((unit, counts)))("a", 7)
    assert seen == [("a", 7)]


def test_unit_made_again_counts_once_and_one_that_is_gone_not_at_all(tmp_path: Path) -> None:
    notes = [{"unit": "a", "seconds": 9.0}, {"unit": "old", "seconds": 5.0}, {"unit": "a", "seconds": 2.0}]
    (tmp_path / SECONDS).write_text("".join(json.dumps(note) + "\n" for note in notes))
    assert noted_seconds(tmp_path, ["a", "b"]) == 2.0


def test_line_that_a_kill_cut_short_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / SECONDS).write_text('{"unit": "a", "seconds": 2.0}\n{"unit": "b", "sec')
    assert noted_seconds(tmp_path, ["a", "b"]) == 2.0


def test_run_without_notes_took_no_time(tmp_path: Path) -> None:
    assert noted_seconds(tmp_path, ["a"]) == 0.0


def test_spent_is_of_tokens_and_time() -> None:
    found = spent(10, {"prompt_tokens": 2000, "completion_tokens": 500}, 3600, Prices(2, 100, 1000))
    assert (found.prompt_tokens, found.completion_tokens) == (2000, 500)
    assert found.money == pytest.approx(2 + 0.2 + 0.5)
    assert spent(10, {}, 3600, Prices()).money is None

"""Lint of a folder: findings have places, comments silence them, and the command prints both ways."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from atlas.cli.library.app import app
from atlas.library.lint import NAMES, OTHERS, RULES, lint_folder

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "library-yaml.md"
TEXT = """\
area: tone
concepts:
  - id: 1
    facet: tone
    name: Calm
    description: Without haste.
  - id: 2
    facet: tone
    name: calm
    description: Slow and quiet.
"""  # the twin is 2, line 7


def findings(folder: Path, text: str, *rules: str) -> list[tuple[str, int | None]]:
    (folder / "tone.yaml").write_text(text)
    return [(finding.rule, finding.line) for finding in lint_folder(folder, rules)[1]]


def run(*arguments: object) -> tuple[int, list[str]]:
    result = CliRunner().invoke(app, ["lint", *map(str, arguments)])
    return result.exit_code, result.output.splitlines()


def test_findings_say_in_which_line_their_concept_is(tmp_path: Path) -> None:
    assert findings(tmp_path, TEXT) == [("twin", 7)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  - id: 2\n", "  # lint: ignore[twin] both were asked for, see #12\n  - id: 2\n"),
        ("  - id: 2\n", "  - id: 2  # lint: ignore[twin] both were asked for\n"),
        ("    name: calm\n", "    name: calm  # lint: ignore[twin, typo]: both were asked for\n"),
        ("    name: calm\n", "    # lint:ignore[twin] — both were asked for\n    name: calm\n"),
        ("area:", "# lint: ignore[twin] this file is a draft\narea:"),
    ],
)
def test_comment_with_a_reason_silences_its_rule(old: str, new: str, tmp_path: Path) -> None:
    assert [rule for rule, _ in findings(tmp_path, TEXT.replace(old, new)) if rule != "unused-ignore"] == []


def test_comment_at_another_concept_silences_nothing_and_is_told(tmp_path: Path) -> None:
    text = TEXT.replace("  - id: 1\n", "  # lint: ignore[twin] really\n  - id: 1\n")
    assert findings(tmp_path, text) == [("unused-ignore", 3), ("twin", 8)]
    assert findings(tmp_path, text, "unused-ignore", "dead") == []  # twin did not run: nothing is known of the comment


@pytest.mark.parametrize(
    ("comment", "said"),
    [
        ("# lint: ignore[twin]", "gives no reason"),
        ("# lint: ignore because", "names no rule"),
        ("# lint: ignore[twins] because", "'twins' is no rule that can be ignored"),
        ("# lint: ignore[schema] because", "'schema' is no rule that can be ignored"),
    ],
)
def test_ignore_comment_that_is_not_complete_is_an_error(comment: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "tone.yaml").write_text(TEXT.replace("  - id: 2\n", f"  {comment}\n  - id: 2\n"))
    found = lint_folder(tmp_path)[1]
    assert [(f.rule, f.severity, f.line) for f in found] == [("bad-ignore", "error", 7), ("twin", "error", 8)]
    assert said in found[0].message


def test_words_of_a_quote_are_no_ignore_comment(tmp_path: Path) -> None:
    quoted = TEXT.replace("Slow and quiet.", "'Slow # lint: ignore[twin] quoted'")
    assert findings(tmp_path, quoted) == [("twin", 7)]


def test_ignore_at_no_concept_is_an_error(tmp_path: Path) -> None:
    assert findings(tmp_path, TEXT + "\n# lint: ignore[twin] at the end\n") == [("twin", 7), ("bad-ignore", 12)]


def test_mistakes_of_a_file_are_findings_beside_those_of_what_loads(tmp_path: Path) -> None:
    broken = TEXT + "  - id: 3\n    facet: tone\n    name: Dry\n    descripton: Plain.\n"
    assert findings(tmp_path, broken) == [("twin", 7), ("schema", 11), ("schema", 14)]


def test_command_prints_place_severity_message_and_rule(tmp_path: Path) -> None:
    path = tmp_path / "tone.yaml"
    path.write_text(TEXT)
    code, lines = run(tmp_path)
    assert code == 1
    said = "'calm' is also a name of 1 ('Calm'); merge the two, or rename one [twin]"
    assert lines == [f"{path}:7: error: 2 'calm': {said}", "      1 error of twin", "2 concepts, 1 errors, 0 warnings"]


def test_command_prints_one_json_object_a_line(tmp_path: Path) -> None:
    (tmp_path / "tone.yaml").write_text(TEXT)
    code, lines = run(tmp_path, "--json")
    assert code == 1
    (found,) = map(json.loads, lines)
    assert (found["rule"], found["line"], found["path"]) == ("twin", 7, str(tmp_path / "tone.yaml"))
    assert (found["concept_id"], found["name"]) == (2, "calm")


def test_exit_status_is_one_for_warnings_with_strict_alone(tmp_path: Path) -> None:
    (tmp_path / "tone.yaml").write_text(TEXT.replace("name: calm", "name: Slow,"))
    assert run(tmp_path)[0] == 0
    assert run(tmp_path, "--strict")[0] == 1
    assert run(tmp_path, "--strict", "--rule", "twin")[0] == 0


def test_every_rule_is_listed_and_in_the_reference_with_its_severity() -> None:
    code, lines = run("--list")
    assert code == 0
    reference = DOCS.read_text(encoding="utf-8")
    severities = {rule.name: rule.severity for rule in RULES} | {name: severity for name, severity, *_ in OTHERS}
    assert set(severities) == set(NAMES)
    for name, severity in severities.items():
        assert any(line.split()[:2] == [name, severity] for line in lines)
        assert f"| `{name}` | {severity} |" in reference

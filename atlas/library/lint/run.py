"""All rules, over a library or a folder of one."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from atlas.errors import AtlasError
from atlas.library.concept import Library
from atlas.library.lint import links, names, seen, texts
from atlas.library.lint.finding import Finding, Rule
from atlas.library.lint.ignores import BAD, UNUSED, ignores, silenced
from atlas.library.lint.meaning import near_synonyms
from atlas.library.lint.typos import typos
from atlas.library.read import Reading, survey

Embed = Callable[[Sequence[str]], np.ndarray]
SCHEMA, NEAR = "schema", "near-synonym"

RULES = (
    Rule("twin", "error", "a name or alias is also one of another concept of the facet",
         "merge the two, or rename one", names.twins),
    Rule("empty-description", "error", "no description", "write one sentence", texts.empty),
    Rule("untidy-name", "error", "stray spaces in a name", "take them out", names.untidy),
    Rule("replaced-active", "error", "`replaced_by` on an active concept",
         "retire it, or take `replaced_by` out", links.active),
    Rule("dangling", "error", "`replaced_by` names an id that no concept has",
         "name one that is there", links.dangling),
    Rule("cycle", "error", "`replaced_by` leads in a circle", "break it", links.cycles),
    Rule("typo", "warning", "a name is that of another concept but for one letter",
         "correct it, or merge the two", typos),
    Rule("odd-name", "warning", "quotes around a name, a comma at its end, invisible characters, no letters",
         "write the bare name", names.odd),
    Rule("member-twice", "warning", "a tag is a member of two concepts of the facet",
         "take it out of one", names.members),
    Rule("same-description", "warning", "described in the words of another concept",
         "say what is different", texts.same),
    Rule("overlapping-description", "warning", "shares four of five words with another concept's description",
         "say what is different", texts.overlapping),
    Rule("chain", "warning", "`replaced_by` names a concept that is itself retired",
         "name the one at the end", links.chains),
    Rule("other-facet", "warning", "`replaced_by` names a concept of another facet",
         "name one of the same facet, or none", links.facets),
    Rule("near-universal", "warning", "a topic on more than half of the chunks",
         "narrow it, or retire it", seen.universal),
    Rule("dead", "warning", "built, active, not locked, and on no chunk",
         "give it aliases, retire it, or lock it", seen.dead),
)  # fmt: skip
# What else is found, with severity, what, and what to do.
OTHERS = (
    (SCHEMA, "error", "the file does not load", "do as the message says; can't be ignored"),
    (NEAR, "warning", "means nearly the same as another concept (with `--meaning` only)", "merge the two"),
    (BAD, "error", "an ignore comment without reason, with an unknown rule, or at no concept", "mend it"),
    (UNUSED, "warning", "an ignore comment that silences nothing", "take it out"),
)
NAMES = (*(rule.name for rule in RULES), *(name for name, *_ in OTHERS))


def lint(library: Library, rules: Collection[str] = (), embed: Embed | None = None) -> list[Finding]:
    """All findings, or those of some rules, in concept order. ``embed`` is asked for near synonyms where it is given.

    Raises:
        AtlasError: a rule that is not there.
    """
    chosen = _chosen(rules)
    found = [
        Finding(rule.name, rule.severity, id_, message)
        for rule in RULES
        if rule.name in chosen
        for id_, message in rule.find(library)
    ]
    if embed is not None and NEAR in chosen:
        found += [Finding(NEAR, "warning", id_, message) for id_, message in near_synonyms(library, embed)]
    return sorted(found, key=lambda finding: (finding.concept_id or 0, finding.rule))


def lint_folder(folder: Path, rules: Collection[str] = (), embed: Embed | None = None) -> tuple[Reading, list[Finding]]:
    """What could be read of a folder, and all findings with their places, without those that comments silence.

    Mistakes for which the folder does not load are findings of the rule ``schema``; the other rules go by what does.

    Raises:
        AtlasError: no library there, or a rule that is not there.
    """
    chosen = _chosen(rules)
    reading = survey(folder)
    ran = {rule.name for rule in RULES} | ({NEAR} if embed is not None else set())
    placed = [
        replace(finding, path=reading.where[finding.concept_id].path, line=reading.where[finding.concept_id].line)
        for finding in lint(reading.library, rules, embed)
        if finding.concept_id is not None
    ]
    kept, about_ignores = silenced(placed, ignores(folder, reading), ran & chosen, NAMES)
    schema = [Finding(SCHEMA, "error", None, said, path, line) for path, line, said in reading.mistakes]
    found = [f for f in [*schema, *kept, *about_ignores] if f.rule in chosen]
    return reading, sorted(found, key=lambda f: (str(f.path), f.line or 0, f.rule))


def _chosen(rules: Collection[str]) -> set[str]:
    if unknown := sorted(set(rules) - set(NAMES)):
        raise AtlasError(f"{unknown[0]!r}: no such rule; there are {', '.join(NAMES)}")
    return set(rules or NAMES)

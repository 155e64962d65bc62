"""Relative links between the project's Markdown files lead somewhere: the file is there, and so is the heading."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])

FENCE = re.compile(r"^( {0,3})(```+|~~~+).*?^ {0,3}\2[`~]*[ \t]*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)|^\[[^\]]+\]:\s+<?(\S+?)>?\s*$", re.MULTILINE)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)
ANCHOR = re.compile(r"<a\s+(?:id|name)=\"([^\"]+)\"")


def links(markdown: str) -> Iterator[tuple[int, str]]:
    """Line number and target of each link that is not in code."""
    for match in LINK.finditer(without_code(markdown)):
        yield markdown.count("\n", 0, match.start()) + 1, match[1] or match[2]


def anchors(markdown: str) -> set[str]:
    """What a ``#fragment`` may name: slugs of headings as GitHub makes them, and ``<a id>``."""
    prose = FENCE.sub(blank, markdown)
    found: set[str] = set()
    for heading in HEADING.findall(prose):
        slug = slug_of(heading)
        number = 0
        while (name := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(name)
    return found | set(ANCHOR.findall(prose))


def slug_of(heading: str) -> str:
    """GitHub's slug: markup goes, letters become small, spaces become hyphens, other punctuation goes."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def without_code(markdown: str) -> str:
    """The text with code blanked out, so that offsets and line numbers stay."""
    return CODE.sub(blank, FENCE.sub(blank, markdown))


def blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def broken(page: Path, root: Path) -> list[str]:
    """One line for each link of a page that leads nowhere."""
    found = []
    for line, target in links(page.read_text()):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        path, _, fragment = unquote(target).partition("#")
        place = (page.parent / path).resolve() if path else page
        where = f"{page.relative_to(root)}:{line}: {target}"
        if not place.exists():
            found.append(f"{where}: no such file")
        elif not place.is_relative_to(root):
            found.append(f"{where}: outside the repository")
        elif fragment and place.suffix == ".md" and fragment not in anchors(place.read_text()):
            found.append(f"{where}: no such heading")
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    assert broken(page, ROOT) == []


def test_every_page_of_the_documentation_can_be_reached_from_the_readme() -> None:
    seen, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in seen:
            continue
        seen.add(page)
        for _, target in links(page.read_text()):
            place = (page.parent / target.partition("#")[0]).resolve()
            index = place / "README.md"
            ahead += [each for each in (place, index) if each.suffix == ".md" and each.is_file()]
    assert sorted(set(ROOT.glob("docs/**/*.md")) - seen) == []


def test_check_finds_missing_files_and_headings_and_passes_over_code(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# One `two`, three\n\n## Same\n\n## Same\n\n```\n# Not this\n```\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](gone.md) [b](other.md#one-two-three) [c](other.md#same-1)\n"
        "[d](other.md#not-this) `[e](gone.md)` [f](https://example.org/gone.md)\n"
        "```\n[g](gone.md)\n```\n"
        "[h](#nothing)\n"
    )
    assert broken(page, tmp_path) == [
        "page.md:1: gone.md: no such file",
        "page.md:2: other.md#not-this: no such heading",
        "page.md:6: #nothing: no such heading",
    ]

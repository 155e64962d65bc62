"""When two names are the same name: case, hyphens, number, spelling and stray marks do not tell concepts apart."""

import re
import unicodedata
from functools import lru_cache

from atlas.library.spelling import american

_SEPARATORS = re.compile(r"[\s_\-‐‑‒–—/]+")
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")  # soft hyphen, zero-width space, word joiner, byte order mark
# Words that taggers leave at the ends of what they cut out. Not "in", "on", "up": log in, add-on, start-up.
_LEADING = re.compile(r"^(?:(?:the|an?|and|or) )+(?=\S)")
_TRAILING = re.compile(r"(?<=\S)(?: (?:the|and|or|of|for|with))+$")
_PLAIN = re.compile(r"[a-z0-9]+(?: [a-z0-9]+)*")  # most names of a large library, and most normal forms
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")
_IRREGULAR = {
    "children": "child",
    "men": "man",
    "women": "woman",
    "people": "person",
    "mice": "mouse",
    "geese": "goose",
    "teeth": "tooth",
    "feet": "foot",
    "quizzes": "quiz",
    "indices": "index",
    "matrices": "matrix",
    "vertices": "vertex",
    "nuclei": "nucleus",
    "stimuli": "stimulus",
    "bacteria": "bacterium",
    "phenomena": "phenomenon",
    "criteria": "criterion",
    "wolves": "wolf",
    "leaves": "leaf",
    "lives": "life",
    "knives": "knife",
    "wives": "wife",
    "shelves": "shelf",
    "halves": "half",
    "thieves": "thief",
}
_IRREGULAR |= {
    f"{stem}es": f"{stem}is"
    for stem in "analys cris diagnos emphas hypothes oas parenthes prognos synthes thes".split()
}
_IRREGULAR |= {
    f"{word}es": word
    for word in (
        "virus bus campus status bonus census genius sinus octopus cactus walrus corpus consensus chorus circus "
        "apparatus gas bias canvas atlas alias lens iris"
    ).split()
}
# Regular plurals that the rules below would take for something else.
_IRREGULAR |= {
    f"{word}s": word
    for word in (
        "ai api gui cli gpu cpu tpu id pc tv menu guru taxi wiki emoji kiwi ski safari tsunami alibi "
        "topic metric critic comic clinic fabric relic picnic mosaic lyric epic medic plastic skeptic "
        "antibiotic characteristic heuristic "
        "movie cookie zombie calorie selfie rookie prairie brownie hoodie smoothie indie newbie magpie "
        "shoe horseshoe toe canoe foe "
        "cache ache headache toothache mustache moustache avalanche niche psyche cliche"
    ).split()
}
# Words that end like plurals but are none, by ending and whole.
_SINGULAR_ENDING = re.compile(r"(?:ss|us|is|ics|series|species)$")
_SINGULAR = frozenset(
    (
        "news lens gas bias canvas atlas alias devops https css os ios macos aws dns sms gps rss chaos cosmos ethos "
        "pathos kudos asbestos diabetes rabies measles christmas texas mars always perhaps"
    ).split()
)


def singular(word: str) -> str:
    """The singular of a lower-case English noun, by rule; words that look like no plural stay."""
    if word.endswith("'s") and len(word) > 2:
        return singular(word[:-2])
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < 4 or not word.endswith("s") or not word.isalpha():  # "1990s" is not 1990, "node.js" not node.j
        return word
    if word in _SINGULAR or _SINGULAR_ENDING.search(word):
        return word
    if word.endswith("ies"):
        stem = word[:-3] + "y" if len(word) > 4 else word[:-1]
    elif word.endswith(("sses", "shes", "ches", "xes", "zzes", "oes")):
        stem = word[:-2]
    else:
        stem = word[:-1]
    return _IRREGULAR.get(stem, stem)


@lru_cache(maxsize=1 << 18)
def normal_form(name: str) -> str:
    """What two spellings of one name have in common.

    Unicode NFKC, camel case opened, case folded, separators made spaces, outer punctuation, articles and loose
    ends dropped, American spelling, last word in the singular. Empty where nothing is left. The normal form of a
    normal form is itself.
    """
    before, text = None, name
    while text != before:
        before, text = text, _folded(text)
    return text


def _folded(name: str) -> str:
    text = name if _PLAIN.fullmatch(name) else _cleaned(name)
    *head, last = _TRAILING.sub("", _LEADING.sub("", text)).split(" ")
    return " ".join((*map(american, head), singular(american(last))))


def _cleaned(name: str) -> str:
    """Lower-case words with a space between them; a plain name is clean."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", name)).replace("’", "'")
    if " " not in text:
        text = _HUMP.sub(" ", text)
    return _trimmed(_SEPARATORS.sub(" ", text.casefold()).strip())


def _trimmed(text: str) -> str:
    """Without punctuation and symbols at either end, but for what belongs to names: C++, C#, .NET, Mercury (planet)."""
    start, end = 0, len(text)
    while start < end and not (_is_letter(text[start]) or text[start] in "+#."):
        start += 1
    while start < end and not (_is_letter(text[end - 1]) or text[end - 1] in "+#"):
        if text[end - 1] == ")" and "(" in text[start:end]:
            break
        end -= 1
    return text[start:end]


def _is_letter(character: str) -> bool:
    """Letters, digits, and the marks that many scripts write vowels with."""
    return unicodedata.category(character)[0] in "LNM"

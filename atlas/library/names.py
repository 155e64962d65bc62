"""When two names are the same name: case, hyphens, number and stray marks do not tell concepts apart."""

import re
import unicodedata
from functools import lru_cache

_SEPARATORS = re.compile(r"[\s_\-‐‑‒–—/]+")
_EDGES = re.compile(r"^[^\w+#.]+|[^\w+#)]+$")
_ARTICLE = re.compile(r"^(?:the|an?) (?=\S)")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")
_IRREGULAR = {
    "children": "child",
    "men": "man",
    "women": "woman",
    "people": "person",
    "mice": "mouse",
    "teeth": "tooth",
    "feet": "foot",
    "indices": "index",
    "matrices": "matrix",
    "vertices": "vertex",
    "analyses": "analysis",
    "hypotheses": "hypothesis",
    "bacteria": "bacterium",
    "phenomena": "phenomenon",
    "criteria": "criterion",
    "wolves": "wolf",
    "leaves": "leaf",
    "lives": "life",
}
# Words that end like plurals but are none.
_SINGULAR = re.compile(
    r"(?:ss|us|is|ics|ous|news|series|species|physics|lens|gas|bias|canvas|atlas|alias|devops|https|css|os|ios|aws|dns|sms|gps|rss)$"
)


def singular(word: str) -> str:
    """The singular of a lower-case English noun, by rule; words that look like no plural stay."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < 4 or not word.endswith("s") or _SINGULAR.search(word):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y" if len(word) > 4 else word[:-1]
    if word.endswith(("sses", "shes", "ches", "xes", "zzes")):
        return word[:-2]
    return word[:-1]


@lru_cache(maxsize=1 << 18)
def normal_form(name: str) -> str:
    """What two spellings of one name have in common.

    Unicode NFKC, camel case opened, case folded, separators made spaces, outer punctuation and leading
    article dropped, last word in the singular. Empty where nothing is left.
    """
    text = unicodedata.normalize("NFKC", name)
    if " " not in text:
        text = _HUMP.sub(" ", text)
    text = _SEPARATORS.sub(" ", text.casefold()).strip()
    text = _ARTICLE.sub("", _EDGES.sub("", text))
    head, _, last = text.rpartition(" ")
    last = singular(last)
    return f"{head} {last}" if head else last

"""British spellings to American ones, word by word: colour and color are one word to a concept library.

Rules where an ending tells (``-isation``, ``-yse``), lists of stems where it does not ("four" is not "for"). American
forms are the target because most tags are written in them; a rewritten word is compared, never shown.
"""

import re
from functools import lru_cache

# Verbs and nouns in -ise that have no form in -ize.
_ALWAYS_ISE = frozenset(
    """
    advertise advise anise apprise appraise arise braise bruise chemise chastise circumcise clockwise comprise
    compromise concise cruise demise despise devise disguise enterprise excise exercise expertise franchise improvise
    incise likewise malaise marquise merchandise mortise noise otherwise paradise poise porpoise praise precise
    premise promise raise reprise revise rise sunrise supervise surmise surprise televise tortoise treatise
    turquoise valise wise
    """.split()
)
_ISE = re.compile(r"(.{3,}is)(e|es|ed|er|ers|ing|able|ation|ations|ational)")
_OUR = re.compile(
    r"((?:dis|mis|un|multi|tri)?(?:arb|ard|arm|behavi|cand|clam|col|demean|endeav|fav|ferv|flav|harb|hon|hum|lab"
    r"|neighb|od|parl|ranc|rig|rum|savi|sav|splend|tum|val|vap|vig))our(.*)"
)
_RULES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(.*(?:anal|paral|catal|dial|hydrol|electrol))ys(e|ed|er|ers|ing)", r"\1yz\2"),
        (
            r"((?:epi)?cent|(?:amphi)?theat|fib|calib|spect|sab|lust|meag|goit|(?:[a-z]+o|milli|centi|deci)?lit)re(s?)",
            r"\1er\2",
        ),
        (r"((?:kilo|centi|milli|micro|nano|deci)?met)re(s?)", r"\1er\2"),
        (r"(anal|catal|dial|monol|epil|prol|hom|travel)ogue(s?)", r"\1og\2"),
        (
            r"(cancel|channel|dial|equal|fuel|initial|jewel|label|level|marvel|model|panel|pencil|rival|shovel|signal"
            r"|spiral|total|travel|tunnel|counsel|quarrel|unravel|marshal|pedal)l(ed|er|ers|ing|ings|ous)",
            r"\1\2",
        ),
        (r"(an|h|leuk|tox|ur|septic|hyperglyc|hypoglyc|isch)aem(.+)", r"\1em\2"),
        (r"(an|par)aesth(.+)", r"\1esth\2"),
        (r"(orthop|encyclop|p)aed(.+)", r"\1ed\2"),
        (r"(gyn)aec(.+)", r"\1ec\2"),
        (r"(medi|prim)aev(.+)", r"\1ev\2"),
        (r"(pal)aeo(.+)", r"\1eo\2"),
        (r"(c)aesi(um)", r"\1esi\2"),
        (r"(f)aec(.+)", r"\1ec\2"),
        (r"oe(dem|soph|strog|strad)(.+)", r"e\1\2"),
        (r"(diarrh)oe(.+)", r"\1e\2"),
        (r"(hom)oeo(.+)", r"\1eo\2"),
        (r"(f)oet(.+)", r"\1et\2"),
        (r"sulph(.+)", r"sulf\1"),
        (r"sceptic(.*)", r"skeptic\1"),
        (r"(def|off|pret)ence(s?)", r"\1ense\2"),
        (r"artefact(s?)", r"artifact\1"),
        (r"(program)me(s?)", r"\1\2"),
        (r"(enrol|fulfil|instal)(ments?)", r"\1l\2"),
        (r"(judg|acknowledg)e(ments?)", r"\1\2"),
        (r"mou(ld.*|stache.*)", r"mo\1"),
    )
)
_WHOLE = {
    "ageing": "aging",
    "aluminium": "aluminum",
    "cheque": "check",
    "grey": "gray",
    "jewellery": "jewelry",
    "licence": "license",
    "manoeuvre": "maneuver",
    "moustache": "mustache",
    "plough": "plow",
    "pyjama": "pajama",
    "tyre": "tire",
    "woollen": "woolen",
    "yoghurt": "yogurt",
}
_WHOLE |= {f"{british}s": f"{american}s" for british, american in _WHOLE.items()}


@lru_cache(maxsize=1 << 17)
def american(word: str) -> str:
    """The American spelling of a lower-case English word; words that have only one spelling stay as they are."""
    if word in _WHOLE:
        return _WHOLE[word]
    if len(word) < 5 or not word.isascii():
        return word
    for pattern, replacement in _RULES:
        if pattern.fullmatch(word):
            return pattern.sub(replacement, word)
    if found := _OUR.fullmatch(word):
        return f"{found[1]}or{found[2]}"
    if (found := _ISE.fullmatch(word)) and f"{found[1]}e" not in _ALWAYS_ISE:
        return f"{found[1][:-1]}z{found[2]}"
    return word

"""Names that are one letter apart, where that is more likely a slip than another word."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations

from atlas.library.concept import Concept, Library
from atlas.library.names import normal_form

SHORTEST = 8  # letters; of shorter words, one letter apart is mostly another word (framing, farming)
LONG = 9  # letters from which a for e (independant) is more likely a slip than another word (banding, bending)
_BOTH = frozenset(  # pairs that are both words
    tuple(pair.split("/"))
    for pair in (
        "complement/compliment stationary/stationery discreet/discrete marital/martial ingenious/ingenuous "
        "planing/planning tranship/transship statue/statute carrier/courier aesthetic/anesthetic "
        "immanent/imminent sensual/sensuous continual/continuous monastery/ministry staging/staying"
    ).split()
)


def typos(library: Library) -> Iterator[tuple[int, str]]:
    """A name that would be one of another concept of the facet, were one letter of one word right.

    The word in doubt is in names of one concept alone. Words are compared through what is left of them when any one
    letter is taken out (SymSpell, W. Garbe 2012), so that no pair of distant words is ever looked at.
    """
    owner: dict[tuple[str, str], Concept] = {}
    holders: dict[str, dict[tuple[str, str], Concept]] = defaultdict(dict)
    for concept in library.active:
        for name in (concept.name, *concept.aliases):
            key = (concept.facet, normal_form(name))
            owner.setdefault(key, concept)
            for word in key[1].split():
                if len(word) >= SHORTEST and word.isalpha():
                    holders[word][key] = concept
    for one, other in sorted(_near(holders)):
        for wrong, right in ((one, other), (other, one)):
            if len({concept.id for concept in holders[wrong].values()}) > 1:
                continue
            if len(holders[wrong]) > len(holders[right]) or (
                len(holders[wrong]) == len(holders[right]) and wrong > right
            ):
                continue
            for (facet, form), concept in holders[wrong].items():
                twin = owner.get((facet, " ".join(right if word == wrong else word for word in form.split())))
                if twin is not None and twin.id != concept.id:
                    message = f"{form!r} is a name of {twin.id} ({twin.name!r}) but for a letter ({wrong}, {right})"
                    yield concept.id, f"{message}; correct it, or merge the two"


def _near(words: Mapping[str, object]) -> set[tuple[str, str]]:
    """Pairs of words between which a slip is likely."""
    shared: dict[str, list[str]] = defaultdict(list)
    for word in words:
        shared[word].append(word)
        for rest in {word[:i] + word[i + 1 :] for i in range(1, len(word))}:
            shared[rest].append(word)
    return {
        (min(pair), max(pair))
        for group in shared.values()
        if len(group) > 1
        for pair in combinations(group, 2)
        if _is_slip(*pair)
    }


def _is_slip(one: str, other: str) -> bool:
    """Inside of the word: a letter doubled or not, two letters swapped, or in long words a for e.

    Other vowels tell words apart: nitrite and nitrate, micro- and macro-, phonetics and phenetics.
    """
    short, long = sorted((one, other), key=len)
    if short == long or (min(one, other), max(one, other)) in _BOTH:
        return False
    at = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if at == 0 or at >= len(short) - 1:
        return False
    if len(short) < len(long):
        return short[at:] == long[at + 1 :] and long[at] in (long[at - 1], long[at + 1])
    if short[at + 2 :] == long[at + 2 :] and short[at] == long[at + 1] and short[at + 1] == long[at]:
        return True
    return len(long) >= LONG and short[at + 1 :] == long[at + 1 :] and {short[at], long[at]} == {"a", "e"}

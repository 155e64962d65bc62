"""Words that tell things apart however alike all else is: left and right, red and green, type I and type II.

Sentence models hold such words for near synonyms, as they stand in the same places. Each group lists words of which a
thing can be one only.
"""

from functools import lru_cache

from atlas.canonical.strings import stem

_GROUPS = """
left right
upper lower middle
anterior posterior
dorsal ventral lateral medial
proximal distal
superior inferior
internal external
inner outer
interior exterior
male female
men women
boy girl
son daughter
mother father
brother sister
husband wife
primary secondary tertiary quaternary
first second third fourth fifth sixth seventh eighth ninth tenth
one two three four five six seven eight nine ten
single double triple quadruple
north south east west northeast northwest southeast southwest
northern southern eastern western
input output
positive negative neutral
large small medium
big little
short long
high low
fast slow
hot cold warm
old new
young adult old
front back rear
horizontal vertical
public private
static dynamic
client server
read write
import export
encode decode
encoder decoder
encryption decryption
upload download
serialization deserialization
analog digital
synchronous asynchronous
open closed
direct indirect
formal informal
active passive
absolute relative
local global remote
minimum maximum
min max
increase decrease
ascending descending
internal external
supply demand
buyer seller
employer employee
teacher student
import export
cause effect
before after
pre post
early late
day night
summer winter spring autumn
monday tuesday wednesday thursday friday saturday sunday
january february march april may june july august september october november december
red green blue yellow white black brown gray orange purple pink
rural urban
domestic foreign
civil criminal
theoretical experimental applied
qualitative quantitative
supervised unsupervised
deductive inductive
mechanical electrical chemical
android ios windows linux
i ii iii iv v vi vii viii ix x
alpha beta gamma delta epsilon zeta eta theta iota kappa lambda omega sigma
a b c d e f g h i j k l m n o p q r s t u v w x y z
"""
_NEGATIONS = frozenset(("non", "un", "in", "im", "il", "ir", "dis", "anti", "a"))
SHORTEST_NEGATED = 4


@lru_cache(maxsize=1)
def _groups() -> dict[str, frozenset[int]]:
    """The groups that each stem is in."""
    found: dict[str, set[int]] = {}
    for number, line in enumerate(_GROUPS.strip().splitlines()):
        for word in line.split():
            found.setdefault(stem(word), set()).add(number)
    return {word: frozenset(numbers) for word, numbers in found.items()}


def opposed(one: str, other: str) -> bool:
    """Whether a thing can be only one of two different stems, or one of them negates the other."""
    groups = _groups()
    if one in groups and other in groups and groups[one] & groups[other]:
        return True
    short, long = (one, other) if len(one) < len(other) else (other, one)
    return len(short) >= SHORTEST_NEGATED and long.endswith(short) and long.removesuffix(short) in _NEGATIONS

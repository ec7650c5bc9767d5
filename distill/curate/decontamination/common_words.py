"""How rare is a word? By a background of problems, and by the other questions of the set that a question is of.

Nothing else decides: neither the other sets that are looked for nor the rows that are looked at, so that what is a copy
stays one whatever it is looked for with. Made by `benchmarks/common_words.py` of the training sets of GSM8K and MATH.
"""

import math
from collections import Counter
from collections.abc import Callable
from functools import lru_cache

COMMON = (
    """a and how of the""",
    """2 3 for if in is many to what""",
    """1 10 4 5 6 are as at does each find has have he much on that x""",
    """0 12 20 7 8 all an b be by can day did frac from half her his it left more number one per positive s she than
    then there they times total twice value will with""",
    """100 15 25 30 40 50 60 9 after answer area bought but buy c cost days every express first get had hour hours
    integer integers let long make minutes money n need numbers only possible real right same second so sqrt
    square such sum take their them third this time triangle up wants was week were when where which y your""",
    """11 13 14 16 18 200 24 80 ab abc also amount angle another any average bc before between both box buys calculate
    circ circle class common compute costs d different digit divided do dollars during enter equal equation f
    feet form fraction friends gets given him i into its john largest last least length less line m made miles
    month needs new next not now old or other out over overline p pay people point points pounds price prime
    probability product remaining rest school sells shown side smallest sold some spend store students t takes
    these through together units values weeks while who would year years z""",
    """00 000 1000 120 150 17 19 21 27 300 32 35 36 400 45 500 70 75 90 abcd able about ac age already apples ate away
    ax back bag base been below bill blue book books boxes brother buying bx car cd cdot center children cm
    combined contains cos could decided decides decimal defined degrees difference digits distance distinct
    divisible dog dots e earn eat eats end enough equally exactly expressed family fewer following food fourth
    friday friend full function g game gave give gives go goes going got graph greatest green height home house
    inches james k large le lengths makes making mathbf maximum measure minimum minute monday multiple must
    nearest no off once order ordered ounces pages paid pair pairs party percent perimeter person pi pieces
    plane polynomial pound put q r radius random rate ratio red remainder respectively roots run sale satisfy
    sell sequence set shop should sides sin sister small solutions speed spends spent start suppose team terms
    text th those took trip tuesday use used uses using vertices volume water ways we wednesday went whole whose
    work works worth written xy you""",
    """180 2000 22 23 250 26 28 34 42 48 52 55 600 64 72 99 ad add added additional adds ago along altogether among
    angles animals apple arithmetic around assuming axis bags ball balls bank basketball because being big
    birthday black bob bottle bottles boys bread building came candy cans card cards cars cats cdots centimeters
    cents certain change charges chocolate choose chosen circles coefficients collect collected collection color
    come commas company complete complex congruent consecutive constant contain cookies coordinate coordinates
    cube cubic cup cups currently cut degree determine dfrac diagram diameter dinner discount divisor divisors
    dogs double down dozen drawn drink drinks drive earned earns eggs either entire equilateral evaluate even
    everyone example expression extra factor factors fair far farm field fifth figure fill filled final finish
    fish foot formed found fruit gallon gallons games garden ge geometric girls goal greater group h having
    herself high hold holds however ice inch including inclusive increased inscribed inside intersect interval
    items jack jar job just kids larger later ldots leaves legs letter letters lfloor like lines list liters
    local log longer lost lunch marbles mark market mary math may mean measures members meters midpoint mile
    milk mom monthly months morning most mother mr needed night non notation note o odd older ones oranges
    original own owns pack packs paper parabola parallel parents park part particular passes pays percentage
    perfect pick picked piece pizza placed plans plant play playing pmod previous profit purchase puts qquad
    quadratic quarter quarters race radical raise randomly reach read reading receive received rectangle
    rectangular region regular relatively restaurant rfloor room round row rows running runs sales satisfies
    saturday save saved score scored seconds see segment selected selling separated shaded share shirt shirts
    shoes show sided simplest simplify single size slices smaller solution solve split squares standard started
    starting starts still student sunday table taking tall tan tangent teacher tenth term test theta thursday
    ticket tickets today tom top travel tree trees triangles trying unit until v vectors vertex w walk want way
    weekend weigh weighs weight white wide win without working write yellow""",
)
"""Words that stand in more than a half of all problems, in more than a quarter of them, and so on."""

_SHARES = {word: 2.0 ** -(group + 0.5) for group, line in enumerate(COMMON) for word in line.split()}
_SELDOM = 2.0 ** -(len(COMMON) + 2)

BACKGROUND = 50
"""As many questions as the background counts beside those of a set: of few questions nothing is known."""

LEAST = 0.1
"""Of the commonest word; of the rarest it is 1."""


_ASKING = frozenset("find determine compute calculate evaluate".split())
"""One for another asks the same."""


def weights(frequencies: Counter[str], questions: int) -> Callable[[str], float]:
    """Rarity of a word in a question of a set: in how many questions of the set each word stands, and how many they
    are. Inverse document frequency of the other questions and the background (a Dirichlet prior) together."""

    @lru_cache(1 << 14)
    def weigh(word: str) -> float:
        if word in _ASKING:
            return LEAST
        others = max(frequencies.get(word, 1) - 1, 0)
        share = (others + BACKGROUND * _SHARES.get(word, _SELDOM)) / (questions - 1 + BACKGROUND)
        return min(1.0, max(LEAST, math.log(share) / math.log(_SELDOM)))

    return weigh


def is_common(word: str) -> bool:
    """Does it stand in an eighth of all problems' sentences or so: a word that tells nothing by itself?"""
    return _SHARES.get(word, 0) > 2.0**-7

"""Words that make another problem of a problem when one stands for another: "least" for "greatest", "area" for
"perimeter", "minutes" for "hours". English; of Chinese the commonest characters.
"""

NEGATIONS = frozenset(
    """no not never none neither nor without except cannot nonzero non unequal isnt arent doesnt dont
didnt cant wont wasnt werent hasnt havent couldnt shouldnt wouldnt 不 没 非 无 未""".split()
)
"""One more or one less is another problem, whatever stands there instead."""

_FAMILIES = (
    """least greatest most smallest largest minimum maximum minimal maximal minimize maximize lowest highest fewest
    lower higher less more fewer greater smaller larger bigger shorter longer taller younger older cheaper faster slower
    heavier lighter above below over under exceed exactly only shortest longest oldest youngest min max""",
    "before after first second last next previous until since final initial",
    """increase decrease increasing decreasing rise fall gain lose gained lost add subtract plus minus added subtracted
    up down profit loss discount tax give gave given take took taken receive received buy sell bought sold spend spent
    earn earned save saved times divided multiplied""",
    """sum difference product quotient remainder multiple divisor factor ratio percent percentage fraction total
    together remaining rest left mean median mode average range variance probability area perimeter volume circumference
    radius diameter length width height depth side edge diagonal altitude base hypotenuse angle slope midpoint center
    vertex root square cube squared cubed distance speed time cost price weight age gcd lcm numerator denominator
    permutation combination row column domain""",
    """even odd prime composite positive negative zero nonnegative nonpositive rational irrational real complex
    imaginary integer whole perfect consecutive distinct different same identical equal distinguishable
    indistinguishable""",
    """triangle rectangle square circle sphere cube cylinder cone pyramid prism quadrilateral pentagon hexagon octagon
    trapezoid parallelogram rhombus ellipse parabola hyperbola line plane""",
    "cylindrical spherical polar rectangular cartesian",
    "convex concave internal external internally externally win lose wins loses won lost",
    "equilateral isosceles scalene acute obtuse right regular",
    """horizontal vertical parallel perpendicular inscribed circumscribed inside outside interior exterior left right
    up down top bottom front back north south east west clockwise counterclockwise adjacent opposite""",
    """derivative antiderivative integral limit inverse reciprocal gradient divergence curl determinant rank trace
    nullity eigenvalue eigenvector""",
    "simplify factor expand solve differentiate integrate graph sketch prove disprove factorize factorise",
    """series parallel solid liquid gas longitudinal transverse conduction convection radiation exothermic endothermic
    oxidation reduction cation anion mitosis meiosis open closed acid acidic basic atomic mass related unrelated""",
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln exp sqrt floor ceil",
    "each every all both any either some and or if unless with only exactly",
    """second minute hour day week month year hourly daily weekly monthly yearly today yesterday tomorrow morning noon
    afternoon evening night""",
    "monday tuesday wednesday thursday friday saturday sunday weekday weekend",
    """january february march april may june july august september october november december spring summer autumn
    winter""",
    """millimeter centimeter meter kilometer inch inche foot feet yard mile gram kilogram ounce pound ton liter gallon
    quart pint cup cent penny pennie nickel dime quarter dollar euro degree radian celsius fahrenheit""",
    """boy girl man men woman women male female child children adult son daughter mother father sister brother husband
    wife student teacher""",
    "red orange yellow green blue purple pink brown gray black white",
    """king queen jack ace heart spade diamond club heartsuit spadesuit diamondsuit clubsuit head tail vowel
    consonant""",
    "大 小 多 少 高 低 长 短 前 后",
    "加 减 乘 除 和 差 积 商",
    "奇 偶 正 负",
)
"""Of one family are words of which a problem may have one or another."""

_NUMBERS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen twenty""".split()

NUMBERS = {
    **{word: str(number) for number, word in enumerate(_NUMBERS)},
    **dict(
        zip("thirty forty fifty sixty seventy eighty ninety hundred".split(), map(str, range(30, 101, 10)), strict=True)
    ),
    "thousand": "1000",
    "million": "1000000",
    "dozen": "12",
    "half": "0.5",
    "third": "0.33",
    "quarter": "0.25",
    "once": "1x",
    "twice": "2x",
    "double": "2x",
    "thrice": "3x",
    "triple": "3x",
}
"""Words that are numbers, and the number that they are compared as."""


def _families() -> dict[str, frozenset[int]]:
    words = {word for family in _FAMILIES for word in family.split()} - {*NUMBERS}
    return {word: frozenset(n for n, family in enumerate(_FAMILIES) if word in family.split()) for word in words}


_FAMILIES_OF = _families()


def singular(word: str) -> str:
    """The form in which a word is looked up: `minutes` as `minute`, but `radius`; of `inches` the bare stem."""
    if word in _FAMILIES_OF or len(word) < 4 or word.endswith("ss") or not word.endswith("s"):
        return word
    return word[:-1]


def families(word: str) -> frozenset[int]:
    """The families that a word is of, in whatever case, singular or plural; empty where it makes no condition."""
    word = word.lower().lstrip("\\")
    return _FAMILIES_OF.get(singular(word), frozenset())


def is_negation(word: str) -> bool:
    return word.lower().replace("'", "").replace("’", "") in NEGATIONS


_ALIKE = """least smallest minimum minimal lowest fewest min|greatest most largest maximum maximal highest max|
less fewer smaller lower|more greater larger bigger|total sum together|left remaining rest|each every all both|
distinct different|same identical equal|quick fast|receive received get|buy bought purchase|give gave given|
take took taken|sell sold|spend spent|earn earned|save saved|gain gained|men man|women woman|foot feet|
add added plus|lose lost|side edge|medial median|mean average|ratio fraction|whole integer|whole entire|
    factor factorize factorise"""
_GROUPS = {word: n for n, group in enumerate(_ALIKE.split("|")) for word in group.split()}


def are_opposed(one: str, other: str) -> bool:
    """Are two words of one family, and not two for the same thing?"""
    one, other = singular(one.lower()), singular(other.lower())
    if one == other or (one in _GROUPS and _GROUPS[one] == _GROUPS.get(other)):
        return False
    return bool(families(one) & families(other))

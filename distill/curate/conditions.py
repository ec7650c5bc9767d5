"""Words that make another problem of a problem when one stands for another: "least" for "greatest", "area" for
"perimeter", "minutes" for "hours". English; of Chinese the commonest characters.
"""

NEGATIONS = frozenset(
    """no not never none neither nor without except cannot nonzero non unequal isnt arent doesnt dont
didnt cant wont wasnt werent hasnt havent couldnt shouldnt wouldnt 不 没 非 无 未""".split()
)
"""One more or one less is another problem, whatever stands there instead."""

_CONDITIONS = """
least greatest most smallest largest minimum maximum minimal maximal minimize maximize lowest highest fewest lower
higher less more fewer greater smaller larger bigger shorter longer taller younger older cheaper faster slower heavier
lighter above below over under before after exceed exactly only at
increase decrease increasing decreasing rise fall gain lose gained lost add subtract plus minus sum difference product
quotient remainder multiple divisor factor ratio percent percentage fraction
even odd prime composite positive negative zero nonnegative nonpositive rational irrational real complex imaginary
integer whole square cube squared cubed root
mean median mode average range variance probability
area perimeter volume circumference radius diameter length width height depth side edge diagonal altitude base
hypotenuse angle slope midpoint center vertex
triangle rectangle circle sphere cylinder cone pyramid prism hexagon pentagon octagon trapezoid parallelogram rhombus
ellipse parabola hyperbola equilateral isosceles scalene acute obtuse right
horizontal vertical parallel perpendicular inscribed circumscribed inside outside left up down north south east west
clockwise counterclockwise
sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln exp max min gcd lcm sqrt floor ceil
first last next previous each every all both any either some total together remaining rest
and or if unless with replacement distinct different same identical distinguishable indistinguishable
permutation combination row column numerator denominator domain
increases decreases profit loss discount tax interest cost buy sell buys sells bought sold
second minute hour day week month year today yesterday tomorrow morning evening hourly daily weekly monthly yearly
monday tuesday wednesday thursday friday saturday sunday
millimeter centimeter meter kilometer inch foot feet yard mile gram kilogram ounce pound ton liter gallon quart pint
cup
cent penny nickel dime quarter dollar euro degree radian celsius fahrenheit
boy girl man men woman women male female child children adult son daughter mother father sister brother
husband wife student teacher red orange yellow green blue purple black white king queen jack ace heart spade diamond
club heartsuit spadesuit diamondsuit clubsuit
head tail
vowel consonant consecutive adjacent
大 小 多 少 奇 偶 加 减 乘 除 和 差 积 商 正 负 高 低 长 短 前 后
""".split()

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

CONDITIONS = frozenset(_CONDITIONS) - {"at", *NUMBERS}
"""One for another is another problem; so is one that is put in or left out."""


def singular(word: str) -> str:
    """The form in which a word is looked up: `minutes` as `minute`; of other plurals the bare stem (`inche`)."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def is_condition(word: str) -> bool:
    word = word.lower().lstrip("\\")
    return word in CONDITIONS or singular(word) in CONDITIONS


def is_negation(word: str) -> bool:
    return word.lower().replace("'", "").replace("’", "") in NEGATIONS

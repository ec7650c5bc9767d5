"""Units of measurement: which are the same, and by what factor one is another."""

from fractions import Fraction

_SIZES: dict[str, dict[str, Fraction | int]] = {
    "length": {
        "mm millimeter millimetre": Fraction(1, 1000), "cm centimeter centimetre": Fraction(1, 100),
        "dm decimeter decimetre": Fraction(1, 10), "m meter metre": 1, "km kilometer kilometre": 1000,
        "inch in inches": Fraction(254, 10000), "ft foot feet": Fraction(3048, 10000),
        "yd yard": Fraction(9144, 10000), "mi mile": Fraction(1609344, 1000),
    },
    "time": {
        "ms millisecond": Fraction(1, 1000), "s sec second": 1, "min minute": 60, "h hr hour": 3600, "day": 86400,
        "week": 604800,
    },
    "years": {"month": 1, "yr year": 12},
    "mass": {
        "mg milligram": Fraction(1, 1000), "g gram": 1, "kg kilogram": 1000, "oz ounce": Fraction(45359237, 1600000),
        "lb lbs pound": Fraction(45359237, 100000), "tonne": 1000000,
    },
    "volume": {"ml milliliter millilitre": Fraction(1, 1000), "l liter litre": 1},
    "money": {"cent ¢": Fraction(1, 100), "dollar usd buck": 1},
    "euros": {"euro eur": 1},
    "pounds sterling": {"gbp": 1},
    "angle": {"degree deg": 1},
    "radians": {"radian rad": 1},
    "share": {"percent pct percentage": 1},
    "points": {"percentage point": 1},
    "speed": {"mph": Fraction(1609344, 3600000), "kph kmh": Fraction(1000, 3600)},
    "turning": {"rpm": 1},
    "temperature": {"kelvin": 1},
    "temperature in celsius": {"celsius": 1},
    "temperature in fahrenheit": {"fahrenheit": 1},
    "current": {"ampere amp": 1},
    "amount": {"mole": 1},
    "energy in electron volts": {"electronvolt": 1},
    "heat": {"calorie cal": 1, "kilocalorie kcal": 1000},
    "pressure in atmospheres": {"atm atmosphere": 1},
    "pressure in bars": {"bar": 1},
    "data": {"bit": Fraction(1, 8), "byte": 1, "kb": 1000, "mb": 1000000, "gb": 1000000000},
}  # fmt: skip

UNITS: dict[str, tuple[str, Fraction]] = {
    name: (dimension, Fraction(factor))
    for dimension, sizes in _SIZES.items()
    for names, factor in sizes.items()
    for name in names.split()
}
"""Name in the singular -> what it measures, and how many of that dimension's own unit it is."""

_DERIVED = {
    "newton n": "kg*m/s^2", "joule j": "kg*m^2/s^2", "watt w": "kg*m^2/s^3", "pascal": "kg/m*s^2", "hertz": "/s",
    "coulomb": "ampere*s", "volt": "kg*m^2/s^3*ampere", "ohm": "kg*m^2/s^3*ampere^2", "farad": "ampere^2*s^4/kg*m^2",
    "henry": "kg*m^2/s^2*ampere^2", "tesla": "kg/s^2*ampere", "weber": "kg*m^2/s^2*ampere",
}  # fmt: skip
"""Units that are products of others; what stands behind the stroke divides."""

_PREFIXED = {
    "V": "volt", "A": "ampere", "W": "watt", "J": "joule", "N": "newton", "Pa": "pascal", "Hz": "hertz", "F": "farad",
    "H": "henry", "T": "tesla", "C": "coulomb", "K": "kelvin", "eV": "electronvolt", "mol": "mole", "m": "meter",
    "g": "gram", "s": "second", "L": "liter", "l": "liter", "Omega": "ohm", "Ω": "ohm", "Wb": "weber",
}  # fmt: skip
_PREFIXES: dict[str, tuple[str, Fraction | int]] = {
    "": ("", 1), "k": ("kilo", 10**3), "M": ("mega", 10**6), "G": ("giga", 10**9), "T": ("tera", 10**12),
    "c": ("centi", Fraction(1, 100)), "d": ("deci", Fraction(1, 10)), "m": ("milli", Fraction(1, 10**3)),
    "u": ("micro", Fraction(1, 10**6)), "μ": ("micro", Fraction(1, 10**6)), "n": ("nano", Fraction(1, 10**9)),
    "p": ("pico", Fraction(1, 10**12)),
}  # fmt: skip
SYMBOLS = {
    prefix + symbol: name + unit
    for symbol, unit in _PREFIXED.items()
    for prefix, (name, _) in _PREFIXES.items()
    if prefix + symbol not in ("min", "cd", "Gs", "pm", "dC", "Tm")
}
"""Symbols, whose case matters, and the names of their units: `mW` is no `MW`."""

SYMBOLS |= {
    first + second: f"{SYMBOLS[first]}*{SYMBOLS.get(second, second)}"
    for firsts, seconds in (("N kN MN mN", "m cm mm s"), ("W kW MW GW", "h s"), ("A mA", "h"), ("J", "s"), ("Pa", "s"))
    for first in firsts.split()
    for second in seconds.split()
}
"""Products of two that are written as one."""

BARE_SYMBOLS = frozenset("Hz kHz MHz GHz Pa kPa MPa kJ MJ mJ kW MW mW kV mV mA eV keV MeV mL kN".split())
"""Those that are units without `\\text{}` too, behind a number: hardly ever products."""

MULTIPLIERS = {
    "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12,
}  # fmt: skip

NUMBER_WORDS = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty".split()
    )
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}


MONTHS = frozenset("january february march april may june july august september october november december".split())


def singular(word: str) -> str:
    word = word.lower()
    if word in UNITS or word in ("feet", "inches"):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


Measure = tuple[Fraction, tuple[tuple[str, int], ...]]

_DERIVED_BY_NAME = {name: formula for names, formula in _DERIVED.items() for name in names.split()}
_NAMED_PREFIXES = {name: Fraction(factor) for name, factor in _PREFIXES.values() if name}


def _simple(name: str) -> Measure | None:
    """A unit without a power, prefix included."""
    if name in UNITS:
        dimension, size = UNITS[name]
        return size, ((dimension, 1),)
    if name in _DERIVED_BY_NAME:
        return measure(_DERIVED_BY_NAME[name])
    for prefix, factor in _NAMED_PREFIXES.items():
        if name.startswith(prefix) and (found := _simple(name.removeprefix(prefix))) is not None:
            return factor * found[0], found[1]
    return None


def name_of(text: str) -> str:
    """The name of a unit, in the singular, of its symbol or of any spelling."""
    return SYMBOLS.get(text) or singular(text)


def is_unit(name: str) -> bool:
    """Is this the name of a unit, in the singular?"""
    return _simple(name) is not None


def measure(unit: str) -> Measure | None:
    """A unit such as `km/h` or `cm^2` as a factor and its dimensions with their powers; None where one is not known."""
    factor = Fraction(1)
    powers: dict[str, int] = {}
    for place, part in enumerate(unit.split("/")):
        for one in filter(None, part.split("*")):
            name, _, exponent = one.partition("^")
            found = _simple(name)
            if found is None or not (exponent or "1").removeprefix("-").isdigit() or len(exponent) > 2:
                return None
            power = int(exponent or 1) * (-1 if place else 1)
            factor *= found[0] ** power
            for dimension, times in found[1]:
                powers[dimension] = powers.get(dimension, 0) + times * power
    powers = {dimension: power for dimension, power in powers.items() if power}
    if powers.pop("speed", 0) == 1 and not powers:
        powers = {"length": 1, "time": -1}
    return factor, tuple(sorted(powers.items()))

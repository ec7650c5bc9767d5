"""Numbers with what scales them in other languages than English: `3亿`, `5 млн`, `2 Millionen`; and `五` for 5."""

import re
from decimal import Decimal, InvalidOperation

_HAN = {
    "十": 1, "百": 2, "千": 3, "万": 4, "萬": 4, "亿": 8, "億": 8, "십": 1, "백": 2, "천": 3, "만": 4, "억": 8,
    "조": 12,
}  # fmt: skip
"""Powers of ten; 兆 is left out, as it is 10^6 or 10^12."""

_NAMES = {
    3: r"тыс(?:яч[аи]?|\.)?|tausend|duizend|tys\.|tysięcy|mila",
    6: r"млн\.?|миллион(?:а|ов)?|мільйон(?:а|ів)?|mio\.?|millionen|millones|millón|mil(?:hão|hões)|milion[ei]|milionów"
    r"|miljoen|milyon|مليون",
    7: r"करोड़",
    9: r"млрд\.?|миллиард(?:а|ов)?|mrd\.?|milliarden?|milliards?|miliard[oi]|miliardów|miljard|milyar|مليار",
    12: r"трлн\.?",
    5: r"लाख",
}
_HAN_SCALE = rf"(?:(?!千[克米瓦卡帕焦升伏]|[百十]分)[{''.join(_HAN)}])"
"""A 千克 is a kilogram."""

_NUMBER = r"(?<![\d.,])\d[\d,]*(?:\.\d+)?"
_OPENED = r"(?:\\[,;: ]|~|\s)*(?:\\(?:text|mathrm|mbox)\s*\{\s*)?"
_NAMED = "|".join(f"(?P<p{power}>{names})" for power, names in _NAMES.items())
_BY_NAME = re.compile(rf"({_NUMBER}){_OPENED}(?:{_NAMED})(?!\w)", re.IGNORECASE)
_PART = rf"\d[\d,]*(?:\.\d+)?{_OPENED}{_HAN_SCALE}{{1,3}}"
_BY_HAN = re.compile(rf"(?<![\d.,])(?:{_PART}\s*){{1,4}}(?![\d.])")
_ONE_PART = re.compile(rf"(\d[\d,]*(?:\.\d+)?){_OPENED}({_HAN_SCALE}+)")
_SCALE_BEHIND = re.compile(rf"\s?(?:{_HAN_SCALE}+(?:\d+{_HAN_SCALE}+)*|兆|(?:{_NAMED})(?!\w))", re.IGNORECASE)
LONGEST = 30
"""Characters of what scales a number."""

_PLAIN = ("Mio", "Mrd", "mio", "mrd", "mil", "Mil", "ausend", "duizend", "tys")
"""One of them stands in every name in plain letters."""


def scale_behind(text: str, at: int) -> str:
    """What scales the number before it; empty where nothing does."""
    text = text[at : at + LONGEST]
    if text.isascii() and not any(map(text.__contains__, _PLAIN)):
        return ""
    found = _SCALE_BEHIND.match(text)
    return found[0] if found else ""


def in_digits(text: str) -> str:
    """A text with such numbers written out, and one that is nothing but a number in Chinese words; or as it is."""
    if text.isascii() and not any(map(text.__contains__, _PLAIN)):
        return text
    if (value := _in_han(text.strip(" .。$"))) is not None:
        return value
    return _closed(_BY_NAME.sub(_by_name, _BY_HAN.sub(_by_han, text)))


def _closed(text: str) -> str:
    """Without the brace of a `\\text{` that was opened before a scale."""
    return text[:-1].rstrip() if text.endswith("}") and text.count("}") > text.count("{") else text


def _decimal(digits: str) -> Decimal:
    """A comma groups three digits; before one, two or many it is a decimal point."""
    grouped = re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", digits)
    return Decimal(digits.replace(",", "" if grouped else ".").rstrip("."))


def _written(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _by_name(found: re.Match[str]) -> str:
    power = next(int(name[1:]) for name, said in found.groupdict().items() if said)
    try:
        return _written(_decimal(found[1]).scaleb(power))
    except InvalidOperation:
        return found[0]


def _by_han(found: re.Match[str]) -> str:
    """`3亿5000万`: scales must fall; what ends on a number without a scale is not read."""
    total, last = Decimal(0), 99
    for digits, scales in _ONE_PART.findall(found[0]):
        power = sum(_HAN[scale] for scale in scales)
        if power >= last:
            return found[0]
        try:
            total, last = total + _decimal(digits).scaleb(power), power
        except InvalidOperation:
            return found[0]
    return _written(total)


_DIGITS = {sign: value for value, signs in enumerate("零〇 一壹 二两兩 三 四 五 六 七 八 九".split()) for sign in signs}
_WORDS = re.compile(
    r"(?P<minus>负|負|マイナス)?(?P<digits>[零〇一二两兩三四五六七八九十百千万萬亿億]{1,16})[个個つ只本人]?"
)
_SHARE = re.compile(r"([一二两兩三四五六七八九十百]{1,6})分之([一二两兩三四五六七八九十百]{1,6})")


def _in_han(text: str) -> str | None:
    """A whole number or a share in Chinese words, in digits: `二十五`, `三分之二`."""
    if share := _SHARE.fullmatch(text):
        below, above = _whole(share[1]), _whole(share[2])
        return f"{above}/{below}" if above and below else None
    found = _WORDS.fullmatch(text)
    value = _whole(found["digits"]) if found else None
    return None if found is None or value is None else f"{'-' if found['minus'] else ''}{value}"


def _whole(text: str) -> int | None:
    """None for two digits side by side, and where scales do not fall."""
    for scale in "亿億万萬千百十":
        head, sign, tail = text.partition(scale)
        if sign:
            above = _whole(head) if head else (1 if scale == "十" else None)
            below = _whole(tail.lstrip("零〇")) if tail else 0
            if above is None or below is None or below >= 10 ** _HAN[scale] or (len(tail) == 1 and scale != "十"):
                return None
            return above * 10 ** _HAN[scale] + below
    return _DIGITS.get(text)

"""The words of a unit in one spelling."""

from distill.verify.algebra.units import is_unit

_OTHERWISE = {
    "percentage": "percent", "pct": "percent", "degree celsius": "celsius", "degree fahrenheit": "fahrenheit",
    "degree*celsius": "celsius", "degree*fahrenheit": "fahrenheit", "degree centigrade": "celsius",
    "electron volt": "electronvolt", "electron*volt": "electronvolt", "mm*hg": "mmhg",
}  # fmt: skip


def spelled(parts: list[str]) -> str:
    """The words of a unit in one spelling: `square foot` is `foot^2`, `meter per second` is `meter/second`."""
    powers = {"square": "^2", "sq": "^2", "cubic": "^3", "cu": "^3"}
    found: list[str] = []
    power = ""
    for part in parts:
        if part in powers:
            power = powers[part]
        elif part in ("per", "a", "an", "/", "each"):
            found.append("/")
        elif part in ("squared", "cubed") and found:
            found[-1] += "^2" if part == "squared" else "^3"
        else:
            found.append(part + power)
            power = ""
    if power:
        found.append("unit" + power)
    text = ""
    for part in found:
        text += (
            part
            if part == "/" or not text or text.endswith("/")
            else "*" + part
            if is_unit(part.partition("^")[0])
            else " " + part
        )
    text = text if text.startswith("/") else text.strip("/")
    return _OTHERWISE.get(text, text)

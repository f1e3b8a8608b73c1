"""Numbers as people read them: 1.05 M, 12.4 MB, 6 min 40 s, −0.032 (pure)."""

from __future__ import annotations

import math

MINUS = "−"
NARROW_SPACE = "\u202f"
NOTHING = "–"
_SI = ("", "k", "M", "G", "T")
_BYTES = ("B", "kB", "MB", "GB", "TB")


def compact(value: float | None, unit: str = "") -> str:
    """Three significant digits with an SI prefix: 1_050_000 → "1.05 M"; whole numbers below 10,000 stay whole."""
    if value is None:
        return NOTHING
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "∞" if value > 0 else f"{MINUS}∞"
    whole = value == int(value) and abs(value) < 10_000
    text = grouped(value) if whole else _scaled(value, 1000.0, _SI)
    return f"{text} {unit}".rstrip()


def byte_size(value: float | None) -> str:
    """Decimal multiples of a byte: 12_400_000 → "12.4 MB"."""
    return NOTHING if value is None else _scaled(value, 1000.0, _BYTES)


def grouped(value: float | None) -> str:
    """A whole number with narrow spaces between thousands: 3906 → "3 906"; four digits stay together."""
    if value is None:
        return NOTHING
    whole = round(value)
    text = f"{abs(whole):,}".replace(",", NARROW_SPACE) if abs(whole) >= 10_000 else str(abs(whole))
    return f"{MINUS}{text}" if whole < 0 else text


def plain(value: float | None) -> str:
    """A measured number as it is, with at most three decimals and none that are zero: 34, 0.759."""
    if value is None or math.isnan(value):
        return NOTHING
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return grouped(value) if value == int(value) else text.replace("-", MINUS)


def figures(value: float | None) -> str:
    """A measured number with as many decimals as its size leaves room for: 0.779, 9.35, 71.7, 9781."""
    if value is None or not math.isfinite(value):
        return NOTHING if value is None or math.isnan(value) else "∞" if value > 0 else f"{MINUS}∞"
    decimals = 3 if abs(value) < 1 else 2 if abs(value) < 10 else 1 if abs(value) < 1000 else 0
    return grouped(value) if decimals == 0 or value == int(value) else fixed(value, decimals)


def fixed(value: float | None, digits: int = 3) -> str:
    """A number with so many decimals and a true minus sign."""
    if value is None or math.isnan(value):
        return NOTHING
    return f"{value:.{digits}f}".replace("-", MINUS)


def signed(value: float | None, digits: int = 3) -> str:
    """Like `fixed`, always with its sign: "+0.008", "−0.033"."""
    if value is None or math.isnan(value):
        return NOTHING
    return f"{value:+.{digits}f}".replace("-", MINUS)


def percent(fraction: float | None, digits: int = 1) -> str:
    """A fraction as per cent: 0.0312 → "3.1 %"; never rounds something to nothing or a part to all."""
    if fraction is None or math.isnan(fraction):
        return NOTHING
    shown = 100 * fraction
    least = 10.0**-digits
    if 0 < shown < least:
        return f"< {least:.{digits}f} %"
    if 100 - least < shown < 100:
        return f"> {100 - least:.{digits}f} %"
    return f"{shown:.{digits}f} %"


def duration(seconds: float | None) -> str:
    """Two units at most: 0.18 → "180 ms", 400 → "6 min 40 s", 90_000 → "1 d 1 h"."""
    if seconds is None:
        return NOTHING
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    left = round(seconds)
    parts: list[str] = []
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        if left >= size and len(parts) < 2:
            parts.append(f"{left // size} {name}")
            left %= size
        elif parts:
            break
    return " ".join(parts)


def short_hash(digest: str | None, characters: int = 8) -> str:
    """The head of a hex digest."""
    return NOTHING if not digest else digest[:characters]


def _scaled(value: float, base: float, names: tuple[str, ...]) -> str:
    size = abs(value)
    index = 0
    while size >= base and index < len(names) - 1:
        size /= base
        index += 1
    text = _three_digits(size)
    if float(text) >= base and index < len(names) - 1:  # 999.9 k rounds up to 1 M
        text, index = _three_digits(size / base), index + 1
    sign = MINUS if value < 0 else ""
    return f"{sign}{text} {names[index]}".rstrip()


def _three_digits(size: float) -> str:
    if size == 0 or size >= 100:
        return f"{size:.0f}"
    decimals = max(0, 2 - math.floor(math.log10(size)))
    text = f"{size:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

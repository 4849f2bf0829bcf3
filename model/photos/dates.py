"""Dates as cameras, programs and people write them.

One rule for all: numbers that are out of a clock's range count on (hour 24 is the next day's
first, second 60 the next minute's), a date that is no day of the calendar is none, and where a
day and a month could be either of two numbers nothing is guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = r"(?P<name>" + "|".join(_MONTHS) + r")[a-z]*\.?"
_GAP = r"\s?[\s:./_,-]\s?"
_DAYS = (
    rf"(?P<y>\d{{4}}){_GAP}(?P<m>\d\d?){_GAP}(?P<d>\d\d?)",
    r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)",
    r"(?P<y>\d{4})\s*年\s*(?P<m>\d\d?)\s*月\s*(?P<d>\d\d?)\s*日",
    r"(?P<one>\d\d?)\s*(?P<gap>[./-])\s*(?P<two>\d\d?)\s*(?P=gap)\s*(?P<y>\d{4})",
    rf"(?:[a-z]{{3,9}}\.?,?\s+)??(?P<d>\d\d?)[\s.-]+{_MONTH}[\s,.-]+(?P<y>\d{{4}})",
    rf"(?:[a-z]{{3,9}}\.?,?\s+)??{_MONTH}\s+(?P<d>\d\d?),?\s+(?P<y>\d{{4}})",
)
_HALF = r"(?P<half>[ap]\.?\s?m\b\.?|上午|下午|오전|오후)"
_CLOCK = (
    rf"(?:{_HALF}\s*)?(?P<h>\d\d?)\s?[\s:.h_-]\s?(?P<min>\d\d?)"
    rf"(?:\s?[\s:.m_-]\s?(?P<s>\d\d?)s?(?:[.,]\d+)?)?\s*(?:{_HALF.replace('half', 'half_after')})?"
)
_PACKED_CLOCK = r"(?P<h>\d\d)(?P<min>\d\d)(?:(?P<s>\d\d)(?:[.,]?\d{1,6})?)?"
_ZONE = r"(?P<zone>z|[+-]\d\d?(?::?\d\d)?)"
_BETWEEN = r"(?:\s*t\s*|[\s,_:-]+(?:at\s+)?)"
_MOMENTS = [
    re.compile(rf"{day}(?:{_BETWEEN}(?:{clock})\s*{_ZONE}?)?\s*", re.IGNORECASE)
    for day in _DAYS
    for clock in (_CLOCK, _PACKED_CLOCK)
]
_PARTIAL = re.compile(rf"(?P<y>\d{{4}})(?:{_GAP}(?P<m>\d\d?))?")
_ASCTIME = re.compile(
    rf"(?:[a-z]{{3}}\s+)?{_MONTH}\s+(?P<d>\d\d?)\s+(?P<h>\d\d?):(?P<min>\d\d):(?P<s>\d\d)"
    r"(?:\s+(?P<zone>z|[+-]\d{4}|[a-z]{3,4}))?\s+(?P<y>\d{4})\s*",
    re.IGNORECASE,
)
_FIRST_YEAR, _LAST_YEAR = 1800, 2200  # of photographs; others are counters and clocks never set
_FARTHEST = timedelta(hours=15)


@dataclass(frozen=True)
class Moment:
    """Time of an exposure.

    Attributes:
        local: time of the day where the photo was taken, without time zone.
        offset: lead of that place's time over UTC; None where nobody said.
    """

    local: datetime
    offset: timedelta | None = None

    @property
    def offset_minutes(self) -> int | None:
        """The offset in minutes."""
        return None if self.offset is None else round(self.offset.total_seconds() / 60)


def moment(text: str) -> Moment | None:
    """Moment that a text tells, which holds nothing else; None for none.

    Args:
        text: date and perhaps a time of day, with or without time zone, in any usual form. What
            is left out counts as the first: January, the 1st, midnight.
    """
    text = re.sub(r"\s+", " ", text.replace("\u200e", "")).strip()
    if len(text) > 60:
        return None
    for pattern in (*_MOMENTS, _ASCTIME, _PARTIAL):
        if found := pattern.fullmatch(text):
            return _moment(found.groupdict())
    blanks = re.sub(r"(?:[\s:./-]|$)+$", "", text)  # "1985:  :     :  :  "
    return moment(blanks) if blanks != text else None


def utc_offset(text: str) -> timedelta | None:
    """Offset from UTC that a text as "+02:00" or "Z" tells; None for none."""
    text = text.strip().lower()
    if text == "z":
        return timedelta(0)
    found = re.fullmatch(r"([+-])(\d\d?)(?::?(\d\d))?", text)
    if not found:
        return None
    ahead = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    if ahead > _FARTHEST:
        return None
    return ahead if found[1] == "+" else -ahead


_NUMBER = r"(?<!\d)"
_NAMES = [
    re.compile(
        _NUMBER + r"(?P<y>(?:19|20)\d\d)(?P<gap>[-_.]?)(?P<m>\d\d)(?P=gap)(?P<d>\d\d)"
        r"(?:[\s_T-]*(?:\s(?:at|um|à|om|kl|alle|a las|às)\s)?[\s_T-]*(?P<h>\d\d?)"
        r"(?P<colon>[-_.:\s]?)(?P<min>\d\d)"
        r"(?P=colon)(?P<s>\d\d)(?:[.,_]?\d{1,6})?"
        r"(?:\s*(?P<half>[ap]\.?m\b))?)?(?!\d)",
        re.IGNORECASE,
    ),
    re.compile(
        _NUMBER + r"(?P<y>(?:19|20)\d\d)(?P<gap>[-_.]?)(?P<m>\d\d)(?P=gap)(?P<d>\d\d)(?!\d)"
    ),
]
_MILLISECONDS = re.compile(r"(?:FB_IMG_|mmexport|received_|wx_camera_)(1\d{12})(?!\d)")
_EPOCH = datetime(1970, 1, 1)


def moment_in_name(name: str) -> Moment | None:
    """Moment that cameras, telephones and messengers put into a file's name; None for none.

    Args:
        name: name of the file, without its folder: "IMG_20150821_103324.jpg", "Screenshot
            2024-05-01 at 1.02.03 PM.png", "IMG-20150821-WA0012.jpg", "FB_IMG_1440153204000.jpg".
    """
    name = re.sub(r"\s", " ", name)
    if since := _MILLISECONDS.search(name):
        return Moment(_EPOCH + timedelta(milliseconds=int(since[1])), timedelta(0))
    for pattern in _NAMES:
        for found in pattern.finditer(name):
            told = _moment(found.groupdict(), clock_counts_on=False)
            if told and told.local.year >= 1900:
                # Pixel telephones name their photos by UTC
                zone = timedelta(0) if name.startswith("PXL_") else None
                return Moment(told.local, zone)
    return None


def _moment(parts: dict[str, str | None], *, clock_counts_on: bool = True) -> Moment | None:
    year, month, day = int(parts["y"] or 0), int(parts.get("m") or 1), int(parts.get("d") or 1)
    if name := parts.get("name"):
        month = _MONTHS.index(name.lower()[:3]) + 1
    if parts.get("one"):
        which = _day_and_month(parts)
        if which is None:
            return None
        day, month = which
    hour, minute, second = (int(parts.get(key) or 0) for key in ("h", "min", "s"))
    half = (parts.get("half") or parts.get("half_after") or "").lower()
    if half:
        if not 1 <= hour <= 12:  # "14:05 PM" says it twice
            half = ""
        else:
            hour = hour % 12 + (12 if half[0] == "p" or half in ("下午", "오후") else 0)
    limits = (24, 59, 60) if clock_counts_on else (23, 59, 59)
    if not _FIRST_YEAR <= year <= _LAST_YEAR or (hour, minute, second) > (24, 59, 60):
        return None
    if hour > limits[0] or minute > limits[1] or second > limits[2]:
        return None
    try:
        start = datetime(year, month, day)
    except ValueError:
        return None
    local = start + timedelta(hours=hour, minutes=minute, seconds=second)
    return Moment(local, utc_offset(parts.get("zone") or ""))


def _day_and_month(parts: dict[str, str | None]) -> tuple[int, int] | None:
    one, two = int(parts["one"] or 0), int(parts["two"] or 0)
    american = bool(parts.get("half") or parts.get("half_after"))
    if one > 12 or one == two or (parts["gap"] == "." and two <= 12):
        return one, two
    if two > 12 or (parts["gap"] == "/" and american):
        return two, one
    return None

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.photos.dates import Moment, moment, moment_in_name, utc_offset

TOLD = {
    "2019:08:07 12:34:56": "2019-08-07 12:34:56",
    "2019-08-07T12:34:56.5": "2019-08-07 12:34:56",
    "2019:08:07 12:34": "2019-08-07 12:34:00",
    "2015:08:22": "2015-08-22 00:00:00",
    "2015:08:22   :  :  ": "2015-08-22 00:00:00",
    "1985:07:     :  :  ": "1985-07-01 00:00:00",
    "1985:  :     :  :  ": "1985-01-01 00:00:00",
    "2015-08": "2015-08-01 00:00:00",
    "1985": "1985-01-01 00:00:00",
    # clocks that count on
    "2015:08:22 24:00:00": "2015-08-23 00:00:00",
    "2015:08:22 24:08:19": "2015-08-23 00:08:19",
    "2015:12:31 23:59:60": "2016-01-01 00:00:00",
    "2015:08:22 10:33:60": "2015-08-22 10:34:00",
    # separators, and none
    "2015:08:22 10-33-24": "2015-08-22 10:33:24",
    "2015/08/22 10.33.24": "2015-08-22 10:33:24",
    "2015_08_22 10_33_24": "2015-08-22 10:33:24",
    "2015.08.22, 10:33:24": "2015-08-22 10:33:24",
    "2015:08:22:10:33:24": "2015-08-22 10:33:24",
    "2015 08 22 10 33 24": "2015-08-22 10:33:24",
    "20150822T103324": "2015-08-22 10:33:24",
    "20150822": "2015-08-22 00:00:00",
    # blanks for zeros
    "2015: 8:22  9: 5: 4": "2015-08-22 09:05:04",
    " 2015:8:2 1:2:3 ": "2015-08-02 01:02:03",
    # halves of the day
    "2013:05:05 02:33:24 PM": "2013-05-05 14:33:24",
    "2013:05:05 12:33:24 am": "2013-05-05 00:33:24",
    "2013:05:05 1:02:03\u202fp.m.": "2013-05-05 13:02:03",
    "2015:08:22 下午 02:10:11": "2015-08-22 14:10:11",
    "2015:08:22 14:05:00 PM": "2015-08-22 14:05:00",
    # other orders and words
    "22.08.2015 10:33": "2015-08-22 10:33:00",
    "08.09.2015": "2015-09-08 00:00:00",
    "08/22/2015 10:33:00": "2015-08-22 10:33:00",
    "08/09/2015 10:33:00 AM": "2015-08-09 10:33:00",
    "Sat Aug 22 10:33:24 2015": "2015-08-22 10:33:24",
    "22 August 2015 10:33": "2015-08-22 10:33:00",
    "Aug 22, 2015": "2015-08-22 00:00:00",
    "2015年8月22日 10:33": "2015-08-22 10:33:00",
}
NOT_TOLD = [
    "", "yesterday", "0000:00:00 00:00:00", "    :  :     :  :  ", "2019:02:30 12:34:56",
    "2015:13:01 10:00:00", "2015:08:22 25:00:00", "2015:08:22 10:61:00", "08/09/2015",
    "1066:10:14 09:00:00", "9" * 60, "2015:08:22 10:33:24 " * 20,
]  # fmt: skip


@pytest.mark.parametrize("text", TOLD)
def test_dates_of_many_forms(text: str) -> None:
    found = moment(text)
    assert found is not None
    assert str(found.local) == TOLD[text]


@pytest.mark.parametrize("text", NOT_TOLD)
def test_what_is_no_date_is_none(text: str) -> None:
    assert moment(text) is None


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("+02:00", 120), ("-0330", -210), ("Z", 0), ("+5", 300), ("", None), ("+99:00", None)],
)
def test_zones_are_kept(text: str, minutes: int | None) -> None:
    offset = utc_offset(text)
    assert offset == (None if minutes is None else timedelta(minutes=minutes))
    assert moment("2015:08:22 10:33:24" + text) == (
        Moment(datetime(2015, 8, 22, 10, 33, 24), offset)
        if text != "+99:00"
        else Moment(datetime(2015, 8, 22, 10, 33, 24))
    )


@given(at=st.datetimes(datetime(1800, 1, 1), datetime(2200, 1, 1)))
def test_what_cameras_write_is_read_back(at: datetime) -> None:
    at = at.replace(microsecond=0)
    for form in ("%Y:%m:%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y%m%d_%H%M%S", "%d %b %Y %H:%M:%S"):
        assert moment(at.strftime(form).rjust(15, "0")) == Moment(at)


@given(st.text(alphabet="0123456789 :-/.TZAPMapr+", max_size=40))
def test_no_text_is_too_odd(text: str) -> None:
    found = moment(text)
    assert found is None or 1800 <= found.local.year <= 2201
    moment_in_name(text)


NAMED = {
    "IMG_20150821_103324.jpg": "2015-08-21 10:33:24",
    "IMG_20150821_103324_1.jpg": "2015-08-21 10:33:24",
    "PXL_20210102_030405678.jpg": "2021-01-02 03:04:05",
    "IMG-20150821-WA0012.jpg": "2015-08-21 00:00:00",
    "WhatsApp Image 2021-01-02 at 10.33.24 PM.jpeg": "2021-01-02 22:33:24",
    "Screenshot 2024-05-01 at 1.02.03 PM.png": "2024-05-01 13:02:03",
    "Screenshot 2024-05-01 at 1.02.03\u202fPM.png": "2024-05-01 13:02:03",
    "Screenshot_20240501-130203.png": "2024-05-01 13:02:03",
    "Screenshot_2024-05-01-13-02-03-123_com.app.jpg": "2024-05-01 13:02:03",
    "Bildschirmfoto 2021-05-06 um 10.11.12.png": "2021-05-06 10:11:12",
    "2015-08-22 10.33.24.jpg": "2015-08-22 10:33:24",
    "20150822103324.jpg": "2015-08-22 10:33:24",
    "signal-2021-01-02-103324.jpg": "2021-01-02 10:33:24",
    "photo_2021-05-06_10-11-12.jpg": "2021-05-06 10:11:12",
    "FB_IMG_1440153204000.jpg": "2015-08-21 10:33:24",
    "scan 1985-07-01 grandma.jpg": "1985-07-01 00:00:00",
    "2015-08-22 IMG 1234.jpg": "2015-08-22 00:00:00",
}


@pytest.mark.parametrize("name", NAMED)
def test_names_that_tell_a_date(name: str) -> None:
    found = moment_in_name(name)
    assert found is not None
    assert str(found.local) == NAMED[name]


@pytest.mark.parametrize(
    "name",
    ["DSC_0001.jpg", "IMG_20123456.jpg", "P1010001.jpg", "123456720150821.jpg", "2015.jpg", ""],
)
def test_names_that_count_only(name: str) -> None:
    assert moment_in_name(name) is None


def test_names_by_utc_say_so() -> None:
    for name in ("PXL_20210102_030405678.jpg", "FB_IMG_1440153204000.jpg"):
        found = moment_in_name(name)
        assert found is not None
        assert found.offset_minutes == 0

from datetime import date, datetime

import pytest

from indexer.catalog.date_text import as_moment, start_of
from indexer.catalog.filter import Filter
from model.errors import QueryError


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2023", datetime(2023, 1, 1)),
        ("2023-5", datetime(2023, 5, 1)),
        (" 2023-05-17 ", datetime(2023, 5, 17)),
        ("2023-05-17T14", datetime(2023, 5, 17, 14)),
        ("2023-05-17 14:30", datetime(2023, 5, 17, 14, 30)),
        ("2023-05-17 14:30:59", datetime(2023, 5, 17, 14, 30, 59)),
    ],
)
def test_a_text_names_the_start_of_a_time(text: str, moment: datetime) -> None:
    assert start_of(text) == moment
    assert Filter(after=text, before=text) == Filter(after=moment, before=moment)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2023-13", "2023-02-30", "２０２３", "2023-05-17 25"]
)
def test_what_is_no_date_is_told(text: str) -> None:
    with pytest.raises(QueryError, match="no date"):
        Filter(before=text)  # type: ignore[arg-type]


def test_a_day_is_its_start_and_a_time_stays() -> None:
    assert as_moment(date(2023, 5, 17)) == datetime(2023, 5, 17)
    assert as_moment(datetime(2023, 5, 17, 9)) == datetime(2023, 5, 17, 9)
    assert as_moment(None) is None

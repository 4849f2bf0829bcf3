"""A list of photos that several processes share: nothing twice, nothing lost, no photo for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from indexer.backends import create_catalog
from indexer.catalog.records import FileStamp
from indexer.location import index_folder

if TYPE_CHECKING:
    from indexer.catalog.postgres.postgres_catalog import PostgresCatalog
    from indexer.catalog.postgres.postgres_jobs import PostgresJobs

pytest.importorskip("psycopg")
STAMPS = [FileStamp(f"/photos/{number:03}.jpg", 10 + number, number) for number in range(40)]


@pytest.fixture
def catalog(postgres_uri: str, made: ModuleType) -> Iterator[PostgresCatalog]:
    with create_catalog(index_folder(postgres_uri), made.MANIFEST) as created:
        yield created


def sharer(catalog: PostgresCatalog, *roots: str, lease: float = 60.0) -> PostgresJobs:
    from indexer.catalog.postgres.postgres_jobs import PostgresJobs

    jobs = PostgresJobs(catalog.database.location, roots or ["/photos"], lease)
    jobs.renew()
    return jobs


def test_several_share_a_list_and_nobody_gets_what_another_has(catalog: PostgresCatalog) -> None:
    taken: list[str] = []

    def share() -> None:
        jobs = sharer(catalog)
        jobs.put(STAMPS, retry=False)  # all bring the same
        while (job := jobs.take(tried=False)) is not None:
            assert (job.attempts, job.is_done) == (1, False)
            taken.append(job.stamp.path)
            jobs.finish(job.stamp)
        jobs.leave()

    first = sharer(catalog)
    first.put(STAMPS, retry=False)
    threads = [threading.Thread(target=share) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(taken) == {stamp.path for stamp in STAMPS}
    # one that was finished before another had brought it may come twice, and is then known
    assert first.left() == 0
    first.leave()


def test_a_lease_that_is_renewed_lasts_and_one_that_is_not_ends(catalog: PostgresCatalog) -> None:
    lost, other = sharer(catalog, lease=0.3), sharer(catalog)
    lost.put(STAMPS[:2], retry=False)
    mine = lost.take(tried=False)
    assert mine is not None
    for _ in range(4):
        time.sleep(0.15)
        lost.renew()
        assert other.take(tried=True) is None
    assert other.take(tried=False).stamp == STAMPS[1]
    assert [(each.in_hand, each.done) for each in catalog.sharers()] == [(1, 0), (1, 0)]
    time.sleep(0.4)
    again = other.take(tried=True)
    assert (again.stamp, again.attempts) == (mine.stamp, 2)
    lost.finish(mine.stamp)  # it has been another's meanwhile
    assert other.left() == 2
    for jobs in (lost, other):
        jobs.leave()
    assert catalog.sharers() == []


def test_clocks_that_are_hours_off_neither_end_a_lease_nor_prolong_it(
    catalog: PostgresCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, hours = time.time, 0

    def set_clock(to: int) -> None:
        nonlocal hours
        hours = to

    monkeypatch.setattr(time, "time", lambda: real() + 3600 * hours)
    monkeypatch.setattr(time, "time_ns", lambda: int(1e9 * time.time()))
    lost, other = sharer(catalog), sharer(catalog)
    lost.put(STAMPS[:1], retry=False)
    set_clock(5)
    taken = lost.take(tried=False)
    lost.renew()
    for to in (5, 0, -5, 48):
        set_clock(to)
        assert other.take(tried=True) is None
        other.renew()
    ((left,),) = catalog.database.run(
        "SELECT extract(epoch FROM leased_until - clock_timestamp()) FROM jobs"
    )
    assert 0 < left <= 60
    assert [0 <= each.heard < 3600 for each in catalog.sharers()] == [True, True]
    catalog.database.run("UPDATE jobs SET leased_until = clock_timestamp()")  # a minute later
    set_clock(-5)
    assert other.take(tried=True).stamp == taken.stamp
    for jobs in (lost, other):
        jobs.leave()


def test_a_lease_whose_answer_was_lost_ends(
    catalog: PostgresCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    from indexer.catalog.postgres.database import Database

    one, other = sharer(catalog, lease=0.4), sharer(catalog)
    one.put(STAMPS[:2], retry=False)
    run = Database.run

    def asked_anew(self: Database, statement: str, *values: object) -> object:
        run(self, statement, *values)  # it is done, and the server crashes before it says so
        return run(self, statement, *values)

    with monkeypatch.context() as patch:
        patch.setattr(Database, "run", asked_anew)
        assert one.take(tried=False).stamp == STAMPS[1]
    for _ in range(5):
        time.sleep(0.1)
        one.renew()
    assert other.take(tried=True).stamp == STAMPS[0]
    assert other.take(tried=True) is None
    for jobs in (one, other):
        jobs.leave()


def test_what_is_put_back_was_not_tried(catalog: PostgresCatalog) -> None:
    one, other = sharer(catalog), sharer(catalog)
    one.put(STAMPS[:3], retry=False)
    for _ in range(2):
        one.take(tried=False)
    one.put_back(STAMPS[0])
    assert other.take(tried=False).attempts == 1
    one.leave()
    assert (other.take(tried=False).attempts, other.take(tried=True)) == (1, None)
    other.leave()


def test_each_takes_what_lies_in_its_folders(catalog: PostgresCatalog) -> None:
    jobs = sharer(catalog, "/photos/a", "/photos/b.jpg")
    everything = sharer(catalog, "/")
    there = ["/photos/a/1.jpg", "/photos/a/b/2.jpg", "/photos/b.jpg"]
    elsewhere = ["/photos/a.jpg", "/photos/ab/1.jpg", "/photos/b.jpg.jpg", "/other\udcff.jpg"]
    everything.put([FileStamp(path, 1, 1) for path in there + elsewhere], retry=False)
    assert (jobs.left(), everything.left()) == (3, 7)
    found = [jobs.take(tried=False).stamp.path for _ in there]
    assert (found, jobs.take(tried=False)) == (there, None)
    rest = [everything.take(tried=False).stamp.path for _ in elsewhere]
    assert sorted(rest) == sorted(elsewhere)
    jobs.leave()
    everything.leave()


def test_what_the_catalog_holds_just_so_is_not_looked_at(
    catalog: PostgresCatalog, made: ModuleType
) -> None:
    jobs = sharer(catalog)
    jobs.put([made.made_stamp(3)], retry=False)
    catalog.add_photo(made.made_photo(3), made.made_stamp(3))
    catalog.skip_file(made.made_stamp(4), "torn", "PhotoUnreadable")
    jobs.put([made.made_stamp(n) for n in (3, 4)], retry=False)
    job = jobs.take(tried=False)
    assert (job.stamp, job.is_done) == (made.made_stamp(3), True)
    jobs.finish(job.stamp)
    assert jobs.left() == 0
    jobs.put([made.made_stamp(n) for n in (3, 4)], retry=True)
    assert jobs.take(tried=False).stamp == made.made_stamp(4)
    changed = FileStamp(made.made_stamp(3).path, 5, 5)
    jobs.put([changed], retry=False)
    job = jobs.take(tried=False)
    assert (job.stamp, job.is_done) == (changed, False)
    jobs.leave()

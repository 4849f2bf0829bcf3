"""The pipeline against stages run one by one; attempts, patience, and what is not redone."""

import time
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from threading import Lock

import pytest

from model.curation.looks import Seen, Unseen, done_by
from model.curation.pipeline import PATIENCE, Pipeline
from model.curation.source_photo import SourcePhoto
from model.curation.stage_store import MOST_ATTEMPTS, StageStore
from model.curation.stages import Outcome, Outcomes, Stage
from model.errors import ClusterAway, EngineAway, EngineRefused, PhotoUnreadable

PHOTOS = [
    SourcePhoto(f"{number}.jpg", Path(f"{number}.jpg"), f"{number:02}", (4, 4))
    for number in range(20)
]


class Adding(Stage):
    """A stage that adds its own number to what came before, and refuses some photos."""

    def __init__(
        self, name: str, key: str, refused: tuple[str, ...] = (), batch: int = 1, looks: bool = True
    ) -> None:
        self.name, self.key, self.refused, self.batch = name, key, refused, batch
        self.looks = looks
        self.made: list[str] = []

    def outcome(self, photo: SourcePhoto, before: Outcomes) -> Outcome:
        if photo.content_hash in self.refused:
            raise EngineRefused(f"nothing is said of {photo.name}")
        self.made.append(photo.content_hash)
        return {"sum": sum(each["sum"] for each in before.values()) + 1, "losses": []}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StageStore]:
    opened = StageStore(tmp_path / "s.sqlite")
    yield opened
    opened.close()


def sums(pipeline: Pipeline) -> dict[str, dict[str, int]]:
    return {
        work.photo.content_hash: {name: data["sum"] for name, data in work.outcomes.items()}
        for work in pipeline.run(PHOTOS)
    }


def test_as_one_stage_after_another_would_have_it(store: StageStore) -> None:
    stages = [Adding("a", "1"), Adding("b", "2", batch=4), Adding("c", "3")]
    pipeline = Pipeline(stages, store)
    assert sums(pipeline) == {photo.content_hash: {"a": 1, "b": 2, "c": 4} for photo in PHOTOS}
    for photo in PHOTOS:
        known = pipeline.known(photo)
        assert known.failed is None
        assert known.outcomes["c"]["sum"] == 4


def test_only_what_follows_a_change_is_made_again(store: StageStore) -> None:
    sums(Pipeline([Adding("a", "1"), Adding("b", "2"), Adding("c", "3")], store))
    again = [Adding("a", "1"), Adding("b", "2x"), Adding("c", "3x")]
    sums(Pipeline(again, store))
    assert [len(stage.made) for stage in again] == [0, len(PHOTOS), len(PHOTOS)]
    last = [Adding("a", "1"), Adding("b", "2x"), Adding("c", "3x")]
    sums(Pipeline(last, store))
    assert [len(stage.made) for stage in last] == [0, 0, 0]


@pytest.mark.parametrize("batch", [1, 4])
def test_a_photo_that_is_refused_costs_itself_alone(store: StageStore, batch: int) -> None:
    for run in range(MOST_ATTEMPTS + 1):
        stages = [Adding("a", "1"), Adding("b", "2", ("03", "04"), batch), Adding("c", "3")]
        works = {work.photo.content_hash: work for work in Pipeline(stages, store).run(PHOTOS)}
        failed = {photo: work.failed for photo, work in works.items() if work.failed}
        assert failed == {
            "03": ("b", "nothing is said of 3.jpg"),
            "04": ("b", "nothing is said of 4.jpg"),
        }
        assert len(stages[2].made) == (len(PHOTOS) - 2 if run == 0 else 0)
    assert Pipeline(stages, store).known(PHOTOS[3]).failed == failed["03"]


def test_a_photo_is_not_tried_a_fourth_time(store: StageStore) -> None:
    tried = 0

    class Broken(Adding):
        def outcome(self, photo: SourcePhoto, before: Outcomes) -> Outcome:
            nonlocal tried
            tried += 1
            raise PhotoUnreadable("it is truncated")

    for _ in range(MOST_ATTEMPTS + 2):
        list(Pipeline([Broken("a", "1")], store).run(PHOTOS[:1]))
    assert tried == MOST_ATTEMPTS


class Away(Adding):
    """A stage whose engine is away for a while."""

    def __init__(self, until: float) -> None:
        super().__init__("a", "1")
        self.now, self.until = 0.0, until

    def outcome(self, photo: SourcePhoto, before: Outcomes) -> Outcome:
        if self.now < self.until:
            raise EngineAway("nobody answers at http://127.0.0.1")
        return super().outcome(photo, before)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_an_engine_that_comes_back_is_waited_for(store: StageStore) -> None:
    stage = Away(until=PATIENCE - 60)
    pipeline = Pipeline([stage], store, clock=lambda: stage.now, sleep=stage.sleep)
    assert len(list(pipeline.run(PHOTOS))) == len(PHOTOS)


def test_an_engine_that_stays_away_stops_the_run_and_no_photo_is_blamed(store: StageStore) -> None:
    for _ in range(MOST_ATTEMPTS + 1):
        stage = Away(until=1e9)
        pipeline = Pipeline([stage], store, None, lambda stage=stage: stage.now, stage.sleep)
        with pytest.raises(EngineAway, match=r"for 10 minutes \(nobody answers at"):
            list(pipeline.run(PHOTOS))
        assert stage.now <= PATIENCE
    assert len(list(Pipeline([Adding("a", "1")], store).run(PHOTOS))) == len(PHOTOS)


def test_stages_that_share_models_take_turns(store: StageStore) -> None:
    turn, working = Lock(), list[str]()

    class Sharing(Adding):
        def outcome(self, photo: SourcePhoto, before: Outcomes) -> Outcome:
            working.append(self.name)
            time.sleep(0.001)
            assert working.pop() == self.name
            assert not working
            return super().outcome(photo, before)

    stages = [Sharing("a", "1"), Sharing("b", "2"), Sharing("c", "3")]
    for stage in stages:
        stage.turn = turn
    assert len(sums(Pipeline(stages, store))) == len(PHOTOS)


def by_others(stages: list[Adding], store: StageStore, together: int) -> Pipeline:
    """A pipeline whose stages that look are done by somebody who takes so many photos at once."""

    def looks(photos: Iterable[Unseen]) -> Iterator[Seen]:
        given = iter(photos)
        while batch := list(islice(given, together)):
            yield from reversed(done_by([stage for stage in stages if stage.looks], batch))

    return Pipeline(stages, store, looks)


@pytest.mark.parametrize("together", [1, 7])
def test_whoever_looks_the_same_photos_are_set_aside(tmp_path: Path, together: int) -> None:
    """Of stages that look and one that does not, some of which refuse some photos."""
    known = []
    for name, run in (("here", Pipeline), ("others", partial(by_others, together=together))):
        kept = StageStore(tmp_path / name)
        for _ in range(2):
            stages = [
                Adding("captions 1", "1", ("05", "06")),
                Adding("captions 2", "2", ("03", "05"), looks=False),
                Adding("boxes", "3", ("04",), batch=3),
                Adding("masks", "4", ("07",)),
            ]
            pipeline = run(stages, kept)
            through = [work.photo.content_hash for work in pipeline.run(PHOTOS)]
            assert sorted(through) == [photo.content_hash for photo in PHOTOS]
        known.append([pipeline.known(photo).failed for photo in PHOTOS])
        kept.close()
    assert [failed[0] for failed in known[0] if failed] == [
        "captions 2", "boxes", "captions 1", "captions 1", "masks",
    ]  # fmt: skip
    assert known[0] == known[1]


def test_where_whoever_looks_goes_away_no_photo_is_blamed(store: StageStore) -> None:
    def gone(photos: Iterable[Unseen]) -> Iterator[Seen]:
        some = list(islice(photos, 5))
        yield done_by([stage], some[:1])[0]
        raise ClusterAway("the cluster ended early")

    for number in range(MOST_ATTEMPTS + 1):
        stage = Adding("a", "1")
        with pytest.raises(ClusterAway):
            list(Pipeline([stage], store, gone).run(PHOTOS))
        assert len(stage.made) == 1, number
    again = by_others([stage], store, 1)
    assert len(list(again.run(PHOTOS))) == len(PHOTOS)
    assert len(stage.made) == len(PHOTOS) - MOST_ATTEMPTS

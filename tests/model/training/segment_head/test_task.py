import re
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
import torch
from closeness import assert_close, assert_unit

from model.datasets.imagenet_names import class_names, class_vectors, naming
from model.embedders.geometry import PLACES
from model.embedders.head import SegmentHead
from model.encoders.efficientnet import CHANNELS
from model.training.segment_head import task as head_task
from model.training.segment_head.phrase_bags import PhraseBags
from model.training.segment_head.pooled_pairs import PooledPairs, neighbours
from model.training.segment_head.segmenter_pairs import NONE, PhotoFeatures, ProposedPairs
from model.training.segment_head.settings import HeadSettings, PhraseSettings
from model.training.segment_head.task import HeadTask

WORDS = ("dog", "cat", "car door", "sky")


class Words:
    """Every text has a direction of its own."""

    def encode(self, texts: list[str]) -> np.ndarray:
        rows = [np.random.default_rng(crc32(text.encode())).normal(size=16) for text in texts]
        drawn = np.array(rows, np.float32).reshape(-1, 16)
        return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


class Trunk:
    def class_scores(self, pooled: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(pooled), 1000)


def pairs(count: int = 120) -> PooledPairs:
    """Four concepts, told by one channel each; four segments a photo, one of them captioned."""
    random = np.random.default_rng(0)
    concept = np.arange(count) % 4
    pooled = random.normal(size=(count, sum(CHANNELS))).astype(np.float16)
    pooled[np.arange(count), concept] += 8
    return PooledPairs(
        pooled[None],
        np.zeros((1, count, CHANNELS[-1]), np.float16),
        np.zeros((count, PLACES), np.float32),
        np.arange(count) // 4,
        concept == 3,
        tuple((WORDS[c],) for c in concept),
    )


def with_proposals(count: int = 120) -> PooledPairs:
    """Beside each photo's first segment a mask that fits it, and one that fits nothing."""
    plain = pairs(count)
    first = np.arange(0, count, 4)
    fitting = plain.pooled[:, first].copy()
    fitting[..., -1] = 99
    proposed = ProposedPairs(
        np.concatenate([fitting, np.full_like(fitting, 7)], axis=1),
        np.zeros((2 * len(first), PLACES), np.float32),
        np.concatenate([first, np.full(len(first), NONE)]),
        np.concatenate([first, first]),
    )
    return replace(plain, proposed=proposed)


def task(
    train: PooledPairs | None = None, bags: PhraseBags | None = None, **settings: object
) -> HeadTask:
    torch.manual_seed(0)
    asked = {"proposals": "colours"} | settings
    chosen = HeadSettings(train=(), val=(), width=16, dropout=0.0, **asked)  # type: ignore[arg-type]
    return HeadTask(
        chosen,
        train or pairs(),
        pairs(),
        Trunk(),  # type: ignore[arg-type]
        Words(),  # type: ignore[arg-type]
        32,
        bags,
    )


@pytest.fixture(autouse=True)
def few_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def vectors(encode: object, without: object = None) -> np.ndarray:
        return np.zeros((1000, 16), np.float32)

    monkeypatch.setattr(head_task, "class_vectors", vectors)


def test_it_learns() -> None:
    learner = task()
    optimiser = torch.optim.AdamW(learner.network.parameters(), lr=5e-3)
    for epoch in range(12):
        for batch in learner.batches(epoch):
            optimiser.zero_grad()
            learner.loss(batch)["loss"].backward()
            optimiser.step()
    learner.network.eval()
    with torch.no_grad():
        assert learner.validate()["mAP"] > 0.9


def test_members_learn_each_by_itself() -> None:
    alone, several = task(), task(members=3)
    batch = next(iter(several.batches(0)))
    losses = []
    for member in several.network.head.members:
        own = alone.network.head
        own.members[0].load_state_dict(member.state_dict())
        losses.append(alone.loss(batch)["loss"])
    assert_close(several.loss(batch)["loss"], torch.stack(losses).mean(), terms=16 * 32)
    several.loss(batch)["loss"].backward()
    slopes = [member.embed.weight.grad for member in several.network.head.members]
    assert all(slope is not None and slope.any() for slope in slopes)


def test_no_members_are_an_error() -> None:
    with pytest.raises(ValueError, match="members is 0"):
        HeadSettings(train=(), val=(), members=0)


def test_batches_hold_neighbours_and_depend_on_the_seed_alone() -> None:
    learner = task(together=4)
    drawn = learner._drawn(np.random.default_rng(0))
    assert len(drawn) == 32
    photos = pairs().photo[drawn].reshape(-1, 4)
    assert (photos == photos[:, :1]).all()
    assert all(len(set(four)) == 4 for four in drawn.reshape(-1, 4).tolist())
    first, again, other = (next(iter(learner.batches(seed))).drawn for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_segments_are_seen_through_masks_that_fit_them() -> None:
    learner = task(with_proposals(), own=1.0, loose=0.25)
    batch = next(iter(learner.batches(0)))
    shown = batch.true[:, 0] == batch.true[0, 0]
    through = batch.seen[0][:, -1] == 99
    first = torch.from_numpy(learner._drawn(np.random.default_rng(0)) % 4 == 0)
    assert torch.equal(through, first)
    assert shown[through].any()
    assert batch.loose is not None
    assert batch.loose[0].shape[0] == 8
    assert (batch.loose[0] == 7).all()
    assert learner.loss(batch)["loss"] > 0


def test_each_example_is_of_one_look_and_all_its_features_are() -> None:
    plain = with_proposals()
    other = replace(plain.proposed, pooled=np.stack([plain.proposed.pooled[0]] * 2))
    other.pooled[1, :, 4] = 50
    two = replace(
        plain,
        pooled=np.concatenate([plain.pooled, plain.pooled]),
        whole=np.concatenate([plain.whole, plain.whole + 1]),
        proposed=other,
    )
    two.pooled[1, :, 4] = 50
    learner = task(two, own=0.5, loose=0.5)
    batch = next(iter(learner.batches(0)))
    assert batch.loose is not None
    for seen in (batch.seen, batch.loose):
        second = seen[0][:, 4] == 50
        assert 0 < second.float().mean() < 1
        assert torch.equal(second, seen[1][:, 0] == 1)


@pytest.mark.parametrize("views", [(), (450,), (448, 0)])
def test_sides_that_the_trunk_cannot_look_at_are_errors(views: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected a "):
        HeadSettings(train=(), val=(), views=views)


def test_what_is_measured_is_the_mean_of_all_looks() -> None:
    once, twice = task(), task()
    val = pairs()
    twice._val = replace(val, pooled=np.repeat(val.pooled, 2, 0), whole=np.repeat(val.whole, 2, 0))
    noise = np.random.default_rng(1).normal(size=val.pooled.shape).astype(np.float16)
    mixed = task()
    mixed._val = replace(
        val, pooled=np.concatenate([val.pooled, 9 * noise]), whole=np.repeat(val.whole, 2, 0)
    )
    for learner in (once, twice, mixed):
        learner.network.eval()
    with torch.no_grad():
        assert twice.validate() == once.validate() != mixed.validate()


def bags(count: int = 12) -> PhraseBags:
    """Photos of which a text is said that one of three masks shows, told by its channel."""
    random = np.random.default_rng(0)
    sights, said = [], []
    for number in range(count):
        pooled = random.normal(size=(3, sum(CHANNELS))).astype(np.float16)
        pooled[number % 3, number % 4] += 8
        whole = np.full((1, CHANNELS[-1]), number, np.float16)
        sights.append(PhotoFeatures(pooled[None], np.zeros((3, PLACES), np.float32), whole))
        said.append((WORDS[number % 4],))
    return PhraseBags(tuple(sights), tuple(said))


def test_phrases_of_photos_are_learned_from_their_masks() -> None:
    said = PhraseSettings(weight=1.0, photos=8, masks=3)
    learner = task(bags=bags(), phrases=said)
    batch = next(iter(learner.batches(0))).bags
    assert batch is not None
    assert batch.seen[0].shape[0] == 24
    assert batch.texts.shape == (8, 16)
    assert (batch.true == batch.drawn[:, None]).any(dim=1).all()
    optimiser = torch.optim.AdamW(learner.network.parameters(), lr=5e-3)
    lost = []
    for epoch in range(12):
        for drawn in learner.batches(epoch):
            optimiser.zero_grad()
            told = learner.loss(drawn)
            told["loss"].backward()
            optimiser.step()
            lost.append(told["phrases"].item())
    assert lost[-1] < lost[0] / 2


def test_draws_of_phrases_depend_on_the_seed_alone() -> None:
    learner = task(bags=bags(), phrases=PhraseSettings(weight=1.0))
    first, again, other = (next(iter(learner.batches(seed))).bags for seed in (3, 3, 4))
    assert first is not None
    assert again is not None
    assert other is not None
    assert torch.equal(first.seen[0], again.seen[0])
    assert not torch.equal(first.seen[0], other.seen[0])
    assert next(iter(task().batches(0))).bags is None


def test_phrases_held_out_are_nowhere_in_training() -> None:
    learner = task(bags=bags(), phrases=PhraseSettings(weight=1.0), unseen=("dog",))
    assert learner._phrases is not None
    assert "dog" not in learner._phrases._number


def test_without_a_segmenter_nothing_is_swapped() -> None:
    batch = next(iter(task(own=1.0, loose=1.0).batches(0)))
    assert batch.loose is None
    assert not (batch.seen[0][:, -1] == 99).any()
    none = next(iter(task(with_proposals(), own=0.0, loose=0.0).batches(0)))
    assert none.loose is None
    assert not (none.seen[0][:, -1] == 99).any()


def test_masks_of_what_is_held_out_are_nowhere_in_training() -> None:
    learner = task(with_proposals(), unseen=("dog",))  # each photo's first segment is a dog
    assert not len(learner._train.proposed.row[learner._train.proposed.row != NONE])


def test_captions_are_drawn_as_often_as_told() -> None:
    weights = task(captions=0.5)._weights.reshape(-1, 4)
    assert_close(weights[:, 3], weights[:, 0] / 2, terms=weights.size, dtype=torch.float32)


def test_what_is_held_out_is_nowhere_in_training() -> None:
    learner = task(unseen=("door", "sky"))
    assert {text for texts in learner._train.texts for text in texts} == {"dog", "cat"}
    learner.network.eval()
    with torch.no_grad():
        assert set(learner.validate()) == {"mAP", "P@10", "mAP of unseen phrases"}


def test_an_export_is_a_head(tmp_path: Path) -> None:
    learner = task()
    learner.export(tmp_path)
    head = SegmentHead.load(tmp_path / head_task.WEIGHTS)
    assert head.dimension == 16
    assert not head.common.any()


def test_an_exported_head_knows_what_the_texts_have_in_common(tmp_path: Path) -> None:
    learner = task(doubt=0.3)
    learner.export(tmp_path)
    common = SegmentHead.load(tmp_path / head_task.WEIGHTS).common
    texts = torch.from_numpy(Words().encode([word for word in WORDS if word != "sky"]))  # captions
    expected = torch.nn.functional.normalize(texts.mean(dim=0), dim=0)
    assert_close(common, 0.3 * expected, terms=len(texts), dtype=torch.float16)  # as it is kept
    assert not learner.network.head.common.any()  # in training nothing is doubted


def test_names_are_found_as_whole_words_in_both_numbers() -> None:
    named = naming(["door", "car"])
    assert named is not None
    for text in ("Car doors", "door", "two cars"):
        assert named.search(text)
    for text in ("indoor", "carpet"):
        assert not named.search(text)
    assert naming([]) is None


def test_classes_have_their_names_and_lose_those_held_out() -> None:
    names = class_names()
    assert len(names) == 1000
    assert names[388][:2] == ["giant panda", "panda"]
    vectors = class_vectors(Words().encode)
    assert_unit(vectors)
    without = class_vectors(Words().encode, re.compile("panda"))
    assert not np.allclose(without[388], vectors[388])
    np.testing.assert_array_equal(without[0], vectors[0])
    tench = class_vectors(Words().encode, re.compile("tench|Tinca"))
    assert not tench[0].any()


def test_rows_by_photo() -> None:
    found = neighbours(np.array([2, 0, 2]))
    assert {photo: rows.tolist() for photo, rows in found.items()} == {0: [1], 2: [0, 2]}

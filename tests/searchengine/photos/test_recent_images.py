from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.errors import PhotoChanged
from searchengine import Options, SearchEngine
from searchengine.photos.recent_images import MOST, RecentImages


def test_a_photo_is_decoded_once_until_others_take_its_place(engine: SearchEngine) -> None:
    photos = {match.photo.id: match.photo for match in engine.segments()}
    images = RecentImages(80)
    first, *others = photos.values()
    seen = images.of(first)
    assert max(seen.size) == 80
    assert images.of(first) is seen
    assert all(images.of(photo) is not seen for photo in others)
    assert images.of(first) is seen
    assert len(photos) < MOST


def test_no_more_than_some_are_kept(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    for number in range(MOST + 1):
        pixels = chance.integers(0, 256, (40, 40, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    with SearchEngine.open(tmp_path / "index", preset="colours") as engine:
        engine.index(tmp_path, options=Options(jobs=1))
        photos = list({match.photo.id: match.photo for match in engine.segments()}.values())
    assert len(photos) == MOST + 1
    images = RecentImages(40)
    seen = [images.of(photo) for photo in photos]
    assert images.of(photos[-1]) is seen[-1]
    assert images.of(photos[0]) is not seen[0]


def test_what_has_changed_is_told_though_it_is_known(tmp_path: Path) -> None:
    file = tmp_path / "photo.png"
    Image.new("RGB", (40, 40), "red").save(file)
    with SearchEngine.open(tmp_path / "index", preset="colours") as engine:
        engine.index(file, options=Options(jobs=1))
        photo = engine.search("red")[0].photo
    images = RecentImages(40)
    images.of(photo)
    Image.new("RGB", (44, 40), "blue").save(file)
    with pytest.raises(PhotoChanged):
        images.of(photo)
    file.unlink()
    with pytest.raises(PhotoChanged):
        images.of(photo)

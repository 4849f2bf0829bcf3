import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.datasets.ground_truth import Region, TruePhoto, read_truth, regions_of
from model.datasets.mosaics import layout, mosaics, write_corpus
from model.errors import DataError
from model.masks import rle


def photo(folder: Path, number: int, size: tuple[int, int]) -> TruePhoto:
    """One colour, with its left upper quarter outlined by one person and all of it by another."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{number}.png"
    Image.new("RGB", size[::-1], (40 * number, 0, 200)).save(path)
    masks = np.zeros((2, *size), np.bool_)
    masks[0, : size[0] // 2, : size[1] // 2] = masks[1] = True
    quarter, whole = rle.encode(masks)
    regions = (Region(quarter, ("corner",), "part", 0), Region(whole, (), "object", 1))
    return TruePhoto(folder.name, path, size, regions, ("not of a mosaic",))


def test_rows_are_as_long_as_each_other_and_photos_keep_their_shape() -> None:
    sizes = [(60, 80), (80, 60), (50, 100), (40, 40)]
    (height, width), windows = layout(sizes, 2)
    drawn = np.zeros((height, width), np.int64)
    for (own_height, own_width), window in zip(sizes, windows, strict=True):
        drawn[window] += 1
        rows, columns = window
        ratio = (columns.stop - columns.start) / (rows.stop - rows.start)
        assert ratio == pytest.approx(own_width / own_height, rel=0.05)
    assert (drawn == 1).all()  # no gap, nothing twice
    # on average nobody is enlarged
    scales = [
        (rows.stop - rows.start) / size[0] for size, (rows, _) in zip(sizes, windows, strict=True)
    ]
    assert np.exp(np.mean(np.log(scales))) == pytest.approx(1, rel=0.03)
    assert max(layout(sizes, 2, side=300)[0]) == 300


def test_regions_lie_where_their_photo_does(tmp_path: Path) -> None:
    photos = [photo(tmp_path / "one", number, (40, 60)) for number in range(5)]
    photos += [photo(tmp_path / "two", 0, (40, 60))]  # too few for a mosaic
    assert write_corpus(mosaics(photos, 2), tmp_path / "made", "val") == 1
    (made,) = read_truth(tmp_path / "made", "val").photos
    assert (made.source, made.size, made.captions) == ("one", (80, 120), ())
    pixels = made.read().pixels.astype(int)
    corners, wholes = made.regions[::2], made.regions[1::2]
    assert {region.phrases for region in corners} == {("corner",)}
    assert len(regions_of(made, 0)) == len(regions_of(made, 1)) == 4
    masks = rle.decode([region.counts for region in wholes], made.size)
    assert (masks.sum(axis=0) == 1).all()
    for mask, corner in zip(masks, corners, strict=True):
        inside = pixels[mask]
        assert inside.std(axis=0).max() < 3  # one photo, after JPEG
        part = rle.decode([corner.counts], made.size)[0]
        assert part.sum() == 600
        assert mask[part].all()
    with pytest.raises(DataError, match="new folder"):
        write_corpus(mosaics(photos, 2), tmp_path / "made", "val")


def test_a_corpus_becomes_one_of_mosaics(squares_corpus: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "model.datasets.mosaics", str(squares_corpus), "--grid", "2"]
    done = subprocess.run(
        [*command, "--side", "500", "--out", str(tmp_path / "m")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 mosaics in")
    (made,) = read_truth(tmp_path / "m", "val").photos
    assert max(made.size) == 500
    assert [region.phrases for region in made.named].count(("square", "box")) == 4
    again = subprocess.run([*command, "--out", str(tmp_path / "m")], capture_output=True, text=True)
    assert again.returncode == 1
    assert "new folder" in again.stderr

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from indexer.catalog.filter import Filter
from searchengine import Options, SearchEngine
from searchengine.duplicates import near_pairs

WORD = st.integers(-(2**63), 2**63 - 1)
FLIPS = st.lists(st.tuples(st.integers(0, 30), st.sets(st.integers(0, 63), max_size=9)), max_size=8)


@given(st.lists(WORD, max_size=30), FLIPS)
def test_near_pairs_are_those_of_comparing_all(
    made: list[int], flips: list[tuple[int, set[int]]]
) -> None:
    words = [word % 2**64 for word in made]
    for place, bits in flips:
        if words:
            words.append(words[place % len(words)] ^ sum(1 << bit for bit in bits))
    hashes = np.array(words, np.uint64).view(np.int64)
    wanted = [
        (i, j)
        for i in range(len(words))
        for j in range(i + 1, len(words))
        if (words[i] ^ words[j]).bit_count() <= 6
    ]
    assert list(map(tuple, near_pairs(hashes, 6).tolist())) == wanted


def test_the_largest_stands_for_what_looks_like_it(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    noise = np.random.default_rng(3).integers(0, 256, (6, 8, 3), np.uint8)
    first = Image.fromarray(noise).resize((320, 240), Image.Resampling.BICUBIC)
    first.save(photos / "large.png")
    first.resize((160, 120)).filter(ImageFilter.SMOOTH).save(photos / "small.jpg", quality=90)
    (photos / "copy.png").write_bytes((photos / "large.png").read_bytes())
    other = np.random.default_rng(4).integers(0, 256, (6, 8, 3), np.uint8)
    for name in ("other.png", "again.png"):
        Image.fromarray(other).resize((320, 240), Image.Resampling.BICUBIC).save(photos / name)
    lone = np.random.default_rng(5).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(lone).resize((320, 240), Image.Resampling.BICUBIC).save(photos / "lone.png")
    with SearchEngine.open(tmp_path / "index", preset="colours") as engine:
        engine.index(photos, options=Options(jobs=1))
        groups = list(engine.duplicates())
        of_one = list(engine.duplicates(Filter(path_glob="other.png")))
    told = [({Path(p).name for p in (g.best, *g.others)}, Path(g.best).suffix) for g in groups]
    assert sorted(told, key=lambda each: len(each[0])) == [
        ({"other.png", "again.png"}, ".png"),
        ({"large.png", "copy.png", "small.jpg"}, ".png"),
    ]
    assert [Path(group.photos[0].path).name for group in of_one] in (["other.png"], ["again.png"])
    assert groups[0].to_dict()["photos"]

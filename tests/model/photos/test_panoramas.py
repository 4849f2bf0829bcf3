import io
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from model.photos.images import read_image
from model.photos.panoramas import LONGEST, is_panorama, pieces, reading_side

SIDES = st.integers(1, 3000)


@given(height=SIDES, width=SIDES)
def test_pieces_cover_a_photo_and_overlap_by_a_half(height: int, width: int) -> None:
    windows = pieces((height, width))
    seen = np.zeros((min(height, 40), max(height, width)), np.bool_)
    along = [columns if width >= height else rows for rows, columns in windows]
    for part in along:
        seen[:, part] = True
    assert seen.all()
    assert len(windows) == 1 or is_panorama((height, width))
    assert len(windows) <= 2 * LONGEST
    for one, other in pairwise(along):
        assert one.stop - other.start >= (one.stop - one.start) / 2 - 1


def test_usual_photos_are_read_as_ever_and_panoramas_finer() -> None:
    assert reading_side((1000, 3000), 448) == 448
    assert reading_side((1000, 6000), 448) == 1792
    assert reading_side((100, 60000), 448) == reading_side((100, 1200), 448)
    file = io.BytesIO()
    PillowImage.new("L", (1800, 300)).save(file, "PNG")
    assert read_image(file, max_side=90).size == (15, 90)
    assert read_image(file, max_side=90, finer_panoramas=True).size == (60, 360)
    assert max(pieces((60, 360))[0][1].stop, 60) == 90

import numpy as np

from model.embedders.panorama import best_views
from model.masks.segments import Segments
from model.photos.images import Image
from model.segmenters.panorama import segmented


def strip(height: int = 40, width: int = 400) -> Image:
    """White, with dark squares of 8 pixels every 50, none of which is seen from afar."""
    pixels = np.full((height, width, 3), 255, np.uint8)
    for left in range(10, width, 50):
        pixels[16:24, left : left + 8] = 0
    return Image(pixels, (height, width))


def squares(image: Image) -> Segments:
    """Dark squares of a photo of a usual shape; a panorama is too small to show any."""
    height, width = image.size
    if width > 3 * height:
        return Segments.empty((10, 100))
    dark = image.pixels[..., 0] == 0
    masks = []
    edges = np.flatnonzero(np.diff(np.concatenate([[0], dark.any(axis=0), [0]])))
    for left, right in edges.reshape(-1, 2):
        masks.append(np.zeros((height, width), np.bool_))
        masks[-1][:, left:right] = dark[:, left:right]
    quality = np.full(len(masks), 0.5, np.float32)
    return Segments.from_masks(np.array(masks).reshape(-1, height, width), quality)


def test_things_in_a_panorama_are_found_once_and_whole() -> None:
    for turned in (False, True):
        image = strip()
        if turned:
            pixels = np.ascontiguousarray(image.pixels.swapaxes(0, 1))
            image = Image(pixels, (400, 40))

        def look(piece: Image, turned: bool = turned) -> Segments:
            if not turned:
                return squares(piece)
            flat = Image(np.ascontiguousarray(piece.pixels.swapaxes(0, 1)), piece.size[::-1])
            found = squares(flat)
            return (
                Segments.from_masks(found.masks().swapaxes(1, 2), found.quality)
                if len(found)
                else Segments.empty(found.size[::-1])
            )

        found = segmented(image, look)
        assert found.size == image.size
        assert len(found) == 8
        assert set(found.areas.tolist()) == {64}


def test_a_usual_photo_is_looked_at_once() -> None:
    looks: list[Image] = []

    def look(image: Image) -> Segments:
        looks.append(image)
        return squares(image)

    image = strip(40, 120)
    assert len(segmented(image, look)) == 3
    assert looks == [image]


def test_each_segment_is_seen_once_where_it_is_whole_and_nearest_to_the_middle() -> None:
    image = strip()
    segments = segmented(image, squares)
    whole = np.ones((1, *segments.size), np.bool_)
    segments = Segments.from_masks(np.concatenate([segments.masks(), whole]))
    numbers = []
    for view, shown, which in best_views(image, segments):
        numbers += which.tolist()
        assert len(shown) == len(which)
        if view is image:
            assert which.tolist() == [8]
        else:
            assert view.size == (40, 60)
            assert shown.size == (40, 60)
            assert shown.areas.tolist() == [64] * len(which)
            assert (view.pixels[shown.masks()[0]] == 0).all()
    assert sorted(numbers) == list(range(9))

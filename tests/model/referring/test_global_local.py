from dataclasses import dataclass

import pytest
import torch
from closeness import assert_close, terms_of
from tiny_clips import KINDS, noise_with_segments, tiny_clip

from model.encoders.clip_weights import ClipNetwork
from model.masks.coverage import coverage
from model.masks.segments import Segments
from model.photos.images import Image
from model.referring.global_local import GlobalLocal
from model.referring.settings import Background, Blurred, GlobalLocalSettings


@dataclass
class Scene:
    clip: ClipNetwork
    image: Image
    segments: Segments

    def looks(self, settings: GlobalLocalSettings) -> GlobalLocal:
        return GlobalLocal(self.clip, settings)

    @property
    def terms(self) -> int:
        return 20 * terms_of(self.clip.network.visual)


@pytest.fixture(params=KINDS)
def scene(request: pytest.FixtureRequest) -> Scene:
    return Scene(tiny_clip(request.param), *noise_with_segments())


@pytest.mark.parametrize(
    ("alpha", "blurred", "dtype"),
    [
        (0.85, "none", torch.float64),
        (0.3, "global", torch.float32),
        (0.3, "local", torch.float64),
        (0.85, "both", torch.float32),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_both_views_are_mixed(
    kind: str, alpha: float, blurred: Blurred, dtype: torch.dtype
) -> None:
    scene = Scene(tiny_clip(kind, dtype), *noise_with_segments())
    looks = scene.looks(GlobalLocalSettings(alpha, fill="released", blurred=blurred))
    image, segments, pictures = scene.image, scene.segments, looks.pictures
    behind: Background = "blurred" if blurred in ("local", "both") else "released"
    alone = scene.clip.network.visual(pictures.crops(image, segments, behind))
    within = blurred in ("global", "both")
    whole = pictures.frames(image, segments, "blurred") if within else pictures.whole(image)
    seen = looks.masked.features(whole, coverage(segments, looks.grid))
    if looks.normalised:
        seen, alone = (each / each.norm(dim=1, keepdim=True) for each in (seen, alone))
    found = looks.features(image, segments)
    assert_close(found, alpha * seen + (1 - alpha) * alone, scene.terms)


def test_texts_are_plain_and_in_lower_case(scene: Scene) -> None:
    looks = scene.looks(GlobalLocalSettings())
    found = looks.texts(["A Red DOOR", "bus"])
    expected = scene.clip.network.encode_text(scene.clip.tokenizer(["a red door", "bus"]))
    if looks.normalised:
        expected = expected / expected.norm(dim=1, keepdim=True)
    assert_close(found, expected, scene.terms)


def test_no_segments_have_no_features(scene: Scene) -> None:
    looks = scene.looks(GlobalLocalSettings())
    assert looks.features(scene.image, Segments.empty((48, 64))).shape == (0, 16)

from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close, terms_of

from model.encoders.clip_weights import load_clip
from model.errors import PresetInvalid
from model.masks.segments import Segments
from model.photos.images import Image
from model.presets.preset import load_preset
from model.referring.global_local import GlobalLocal
from model.referring.global_local_referrer import GlobalLocalReferrer
from model.referring.parse import parse
from model.referring.scoring import Scene
from model.referring.settings import GlobalLocalSettings, global_local_settings

LOOKS = GlobalLocalSettings(0.85, blurred="global")


@pytest.fixture(scope="module")
def referrer(tiny_towers: Path) -> GlobalLocalReferrer:
    return GlobalLocalReferrer.of(load_preset(str(tiny_towers / "towers.toml")), LOOKS)


def scene() -> tuple[Image, Segments]:
    pixels = np.random.default_rng(1).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    masks = np.zeros((3, 48, 64), np.bool_)
    masks[0, 4:40, 8:50], masks[1, 20:30, 20:60], masks[2, 30:44, 2:12] = True, True, True
    return Image(pixels, (48, 64)), Segments.from_masks(masks)


def test_recall_is_the_cosine_with_the_mixed_text(
    referrer: GlobalLocalReferrer, tiny_towers: Path
) -> None:
    image, segments = scene()
    clip = load_clip(tiny_towers / "clip.safetensors", str(tiny_towers / "clip.json"))
    looks = GlobalLocal(clip, LOOKS)
    features = looks.features(image, segments)
    expression = parse("the leftmost red door")
    text = looks.texts([expression.text, "red door"]).mean(dim=0)
    expected = features @ text / features.norm(dim=1) / text.norm()
    views = referrer.look(image, segments)
    scores = referrer.scores_of(views, Scene.of(segments), expression)
    found = scores.stages[:, 0] / referrer.settings.sharpness
    assert_close(found, expected.numpy(), 20 * terms_of(clip.network), "float32", scale=1)
    alone = looks.texts(["door"])[0]
    plain = features @ alone / features.norm(dim=1) / alone.norm()
    assert_close(views.recall("door"), plain.numpy(), 20 * terms_of(clip.network), scale=1)
    assert len(referrer.resolve(image, segments, parse("door")).order) == 3


def test_a_preset_without_clip_is_refused() -> None:
    with pytest.raises(PresetInvalid, match="names no CLIP"):
        GlobalLocalReferrer.of(load_preset("colours"))


def test_a_preset_says_how_it_looks() -> None:
    said = {"global_local": True, "alpha": 0.5, "last": 2, "fusion": "both", "photos": 0}
    expected = GlobalLocalSettings(0.5, 2, fusion="both", photos=0)
    assert global_local_settings(said) == expected
    assert global_local_settings({"alpha": 0.5}) is None
    assert global_local_settings({"global_local": False}) is None

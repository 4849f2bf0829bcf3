"""Florence-2's captions are what transformers' own classes say, from a folder of the hub's form."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_captioners import tiny_florence

from model.curation.captioner import Captioner
from model.curation.engines.florence2 import Florence2Captioner
from model.curation.records import Caption
from model.curation.source_photo import SourcePhoto
from model.errors import WeightsMismatch, WeightsMissing
from model.photos.images import Image

WORDS = (
    "</s><s>a cat<loc_10><loc_20><loc_500><loc_999>bird<loc_5><loc_5><loc_5><loc_9>"
    "red  dog<loc_0><loc_0><loc_999><loc_1></s>"
)


@pytest.fixture(scope="module")
def florence() -> tuple[Any, Any]:
    return tiny_florence()


@pytest.fixture(scope="module")
def folder(florence: tuple[Any, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("florence")
    for each in florence:
        each.save_pretrained(found)
    return found


def photos(count: int) -> list[SourcePhoto]:
    found = []
    for number in range(count):
        photo = SourcePhoto(f"{number}.jpg", Path("nowhere"), "00", (48, 64))
        pixels = np.random.default_rng(number).integers(0, 256, (48, 64, 3)).astype(np.uint8)
        vars(photo)["image"] = Image(pixels, (48, 64))
        found.append(photo)
    return found


def test_captions_are_those_of_the_published_classes(florence: tuple[Any, Any]) -> None:
    model, processor = florence
    engine = Florence2Captioner(model, processor, max_tokens=6, beams=2)
    assert isinstance(engine, Captioner)
    two = photos(2)
    found = engine.captions_all(two)
    inputs = processor(
        images=[photo.image.pixels for photo in two],
        text=["<MORE_DETAILED_CAPTION>"] * 2,
        return_tensors="pt",
    )
    with torch.no_grad():
        tokens = model.generate(**inputs, max_new_tokens=6, num_beams=2, do_sample=False)
    texts = processor.batch_decode(tokens, skip_special_tokens=True)
    assert all(texts)
    for (scene, *_), text in zip(found, texts, strict=True):
        assert scene.text.rstrip(".") == text.strip()
        assert (scene.granularity, scene.engine, scene.box) == ("scene", "florence-2", None)


def test_photos_are_looked_at_in_batches(florence: tuple[Any, Any]) -> None:
    seen = []

    class Watched(Florence2Captioner):
        def _of_batch(self, photos: Any) -> Any:
            seen.append([photo.name for photo in photos])
            return super()._of_batch(photos)

    engine = Watched(*florence, batch=2, max_tokens=4)
    three = photos(3)
    found = engine.captions_all(three)
    assert seen == [["0.jpg", "1.jpg"], ["2.jpg"]]
    assert found == [*engine.captions_all(three[:2]), engine.captions(three[2])]
    assert engine.captions_all([]) == []
    with pytest.raises(ValueError, match="batch 0"):
        Florence2Captioner(*florence, batch=0)


@pytest.mark.parametrize("scene", ["A cat.</s><pad>", "A cat. And a d</s>"])
def test_what_is_said_of_regions_has_boxes(scene: str, florence: tuple[Any, Any]) -> None:
    said = [f"</s><s>{scene}", WORDS]

    class Telling(Florence2Captioner):
        """The model, once it is trained: its tokens are given."""

        def _generated(self, inputs: Any, **options: Any) -> Any:
            assert options == {"num_beams": 3}
            ids = self.processor.tokenizer(said.pop(0), add_special_tokens=False).input_ids
            return torch.tensor([ids])

    assert Telling(*florence, max_tokens=16).captions(photos(1)[0]) == (
        Caption("A cat.", "scene", "florence-2"),
        Caption("a cat", "object", "florence-2", (0.0105, 0.0205, 0.5005, 0.9995)),
        Caption("red dog", "object", "florence-2", (0.0005, 0.0005, 0.9995, 0.0015)),
    )  # the bird's box has no width


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_folder_as_the_hub_has_it_is_loaded(
    precision: str, folder: Path, florence: tuple[Any, Any]
) -> None:
    engine = Florence2Captioner.load(folder, "cpu", precision, max_tokens=4, beams=1)
    assert engine.model.dtype == getattr(torch, precision)
    assert engine.captions(photos(1)[0])[0].granularity == "scene"
    same = Florence2Captioner(*florence, max_tokens=4, beams=1).fingerprint
    assert (engine.fingerprint == same) == (precision == "float32")


def test_fingerprints_tell_what_is_said(florence: tuple[Any, Any]) -> None:
    engine = Florence2Captioner(*florence)
    assert Florence2Captioner(*florence, batch=3).fingerprint == engine.fingerprint
    others = [
        Florence2Captioner(*florence, beams=1).fingerprint,
        Florence2Captioner(*florence, max_tokens=3).fingerprint,
    ]
    assert len({engine.fingerprint, *others}) == 3


def test_folders_that_hold_something_else_are_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="no folder"):
        Florence2Captioner.load(tmp_path / "nowhere", "cpu")
    with pytest.raises(WeightsMismatch, match="does not hold a Florence2ForCond"):
        Florence2Captioner.load(tmp_path, "cpu")
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(WeightsMismatch, match="does not hold a Florence2Processor"):
        Florence2Captioner.load(tmp_path, "cpu")
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["decoder_layers"] = 10**6
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsMismatch):
        Florence2Captioner.load(tmp_path, "cpu")

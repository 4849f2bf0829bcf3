"""Qwen's captions are what transformers' own classes say, from a folder of the hub's form."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage
from tiny_captioners import tiny_qwen

from model.curation.caption_prompts import CaptionPrompts
from model.curation.engines.answer_text import plain_prose
from model.curation.engines.qwen_vl import QwenCaptioner
from model.curation.source_photo import SourcePhoto
from model.errors import WeightsMismatch
from model.photos.images import Image

PROMPTS = CaptionPrompts("tiny", scene="What?", object="", part="And its parts?")
GENERATIONS = ["qwen2_5_vl", "qwen3_vl"]


@pytest.fixture(scope="module", params=GENERATIONS)
def qwen(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    return tiny_qwen(request.param)


def photo(seed: int, size: tuple[int, int] = (48, 64)) -> SourcePhoto:
    found = SourcePhoto(f"{seed}.jpg", Path("nowhere"), "00", size)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3)).astype(np.uint8)
    vars(found)["image"] = Image(pixels, size)
    return found


def published(qwen: tuple[Any, Any], photos: list[SourcePhoto], question: str) -> list[str]:
    model, processor = qwen
    chats = [
        processor.apply_chat_template(
            [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}],
            add_generation_prompt=True,
        )
        for _ in photos
    ]
    pictures = [PillowImage.fromarray(photo.image.pixels) for photo in photos]
    inputs = processor(
        text=chats, images=pictures, padding=True, padding_side="left", return_tensors="pt"
    )
    with torch.no_grad():
        tokens = model.generate(**inputs, max_new_tokens=5, do_sample=False)
    asked = inputs["input_ids"].shape[1]
    return list(processor.batch_decode(tokens[:, asked:], skip_special_tokens=True))


def test_captions_are_those_of_the_published_classes(qwen: tuple[Any, Any]) -> None:
    photos = [photo(0), photo(1, (20, 64))]
    found = QwenCaptioner(*qwen, PROMPTS, max_tokens=5).captions_all(photos)
    expected = [published(qwen, photos, question) for _, question in PROMPTS.asked()]
    for captions, scene, part in zip(found, *expected, strict=True):
        assert [caption.granularity for caption in captions] == ["scene", "part"]
        assert [caption.text for caption in captions] == [
            plain_prose(scene, cut=True), plain_prose(part, cut=True),
        ]  # fmt: skip
        assert {caption.engine for caption in captions} == {"qwen-vl"}


def test_an_answer_that_came_to_its_end_is_not_cut(qwen: tuple[Any, Any]) -> None:
    model, processor = qwen

    class Telling(QwenCaptioner):
        """The model, once it is trained: its tokens are given."""

        def _generated(self, inputs: Any, **options: Any) -> Any:
            said = ["A cat. A dog<|im_end|>", "A cat. A dog on"]
            rows = [processor.tokenizer(text).input_ids for text in said]
            rows[0] += [model.config.text_config.pad_token_id] * (len(rows[1]) - len(rows[0]))
            return torch.cat([inputs["input_ids"], torch.tensor(rows)], dim=1)

    engine = Telling(model, processor, PROMPTS, max_tokens=len("A cat. A dog on"))
    whole, cut = engine.captions_all([photo(0), photo(1)])
    assert whole[0].text == "A cat. A dog."
    assert cut[0].text == "A cat."


def test_large_photos_are_reduced(qwen: tuple[Any, Any]) -> None:
    engine = QwenCaptioner(*qwen, PROMPTS, max_tokens=3, max_side=32)
    small = photo(0)
    reduced = photo(0, (24, 32))
    vars(reduced)["image"] = small.image.reduced(32)
    assert engine.captions(small) == engine.captions(reduced)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_folder_as_the_hub_has_it_is_loaded(
    precision: str, qwen: tuple[Any, Any], tmp_path: Path
) -> None:
    for each in qwen:
        each.save_pretrained(tmp_path)
    options: dict[str, Any] = {"prompts": PROMPTS, "max_tokens": 3}
    engine = QwenCaptioner.load(tmp_path, "cpu", precision, **options)
    assert type(engine.model) is type(qwen[0])
    assert type(engine.processor) is type(qwen[1])
    assert engine.model.dtype == getattr(torch, precision)
    assert len(engine.captions(photo(0))) == 2
    same = QwenCaptioner(*qwen, **options).fingerprint
    assert (engine.fingerprint == same) == (precision == "float32")
    assert QwenCaptioner(*qwen, max_tokens=3).fingerprint != same
    (tmp_path / "chat_template.jinja").unlink()
    with pytest.raises(WeightsMismatch, match="no chat template"):
        QwenCaptioner.load(tmp_path, "cpu")


@pytest.mark.parametrize("config", ["", "[]", '{"model_type": "llama"}', '{"model_type": []}'])
def test_folders_of_other_models_are_told(config: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsMismatch, match="neither a Qwen"):
        QwenCaptioner.load(tmp_path, "cpu")
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(WeightsMismatch, match="neither a Qwen"):
        QwenCaptioner.load(tmp_path, "cpu")

from typing import Any

import pytest
import torch
from closeness import assert_close, terms_of
from tiny_clips import noise_with_segments, tiny_clip
from torch import Tensor

from model.errors import PresetInvalid
from model.masks.coverage import coverage
from model.referring.global_local import GlobalLocal
from model.referring.masked_vision import ClassTokens, masked_vision
from model.referring.segment_pictures import SegmentPictures
from model.referring.settings import Fusion, GlobalLocalSettings
from model.referring.view_fusion import fused

LAST = 3


def sight(cover: Tensor) -> Tensor:
    """What is added to the attention: the class token sees itself and patches under the mask."""
    hidden = cover.new_zeros(len(cover) + 1, len(cover) + 1)
    for place, share in enumerate(cover, start=1):
        if share == 0:
            hidden[0, place] = -torch.inf
    return hidden


def naive(visual: Any, local: Tensor, within: Tensor, cover: Tensor, into: Fusion) -> Tensor:
    """One segment, step by step as the released code goes, by the network's own blocks."""
    blocks = list(visual.transformer.resblocks)
    streams = []
    for pixels in (local, within):
        patches = visual.conv1(pixels[None])[0].flatten(1).T
        tokens = torch.cat([visual.class_embedding[None], patches]) + visual.positional_embedding
        tokens = visual.ln_pre(tokens)[None]
        for own in blocks[:-LAST]:
            tokens = own(tokens)
        streams.append(tokens)
    alone, among = streams
    to_local, to_global, hidden = alone, among, sight(cover)
    for own in blocks[-LAST:]:
        masked = among.clone()
        for place, share in enumerate(cover, start=1):
            masked[:, place] *= share
        to_local = own(to_local + 2 * masked)
        to_global = own(alone + 2 * to_global, attn_mask=hidden)
        alone, among = own(alone), own(among, attn_mask=hidden)
    one, other = (visual.ln_post(tokens[0, 0]) @ visual.proj for tokens in (to_local, to_global))
    return torch.as_tensor({"local": one, "global": other, "both": one + other}[into])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("into", ["local", "global", "both"])
def test_views_are_fused_as_step_by_step(into: Fusion, dtype: torch.dtype) -> None:
    clip, (image, segments) = tiny_clip("vit", dtype), noise_with_segments()
    pictures = SegmentPictures(clip)
    local = pictures.frames(image, segments, "mean")
    within = pictures.frames(image, segments, "blurred")
    cover = coverage(segments, (4, 4)).to(dtype)
    assert (cover[1] == 0).any()
    found = GlobalLocal(clip, GlobalLocalSettings(fusion=into)).features(image, segments)
    for row, own, its, share in zip(found, local, within, cover, strict=True):
        expected = naive(clip.network.visual, own, its, share, into)
        assert_close(row, expected, 60 * terms_of(clip.network.visual))


def test_both_is_the_sum_of_the_two_and_batches_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("model.referring.view_fusion.BATCH", 2)
    clip = tiny_clip("vit")
    masked = masked_vision(clip, LAST)
    assert isinstance(masked, ClassTokens)
    torch.manual_seed(4)
    local, within = torch.randn(2, 3, 3, 32, 32).double()
    cover = torch.rand(3, 16).double()
    modes: tuple[Fusion, ...] = ("local", "global", "both")
    one, other, both = (fused(masked, local, within, cover, into) for into in modes)
    terms = 20 * terms_of(clip.network.visual)
    assert_close(both, one + other, terms)
    last = fused(masked, local[-1:], within[-1:], cover[-1:], "both")
    assert_close(both[-1:], last, terms)
    assert fused(masked, local[:0], within[:0], cover[:0], "both").shape == (0, 16)


@pytest.mark.parametrize("kind", ["resnet", "siglip"])
def test_without_a_class_token_nothing_is_fused(kind: str) -> None:
    with pytest.raises(PresetInvalid, match="no class token"):
        GlobalLocal(tiny_clip(kind), GlobalLocalSettings(fusion="both"))

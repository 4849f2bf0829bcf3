"""SAM's published checkpoints: which of its sizes a file holds is read from its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file
from segment_anything.modeling import (
    ImageEncoderViT,
    MaskDecoder,
    PromptEncoder,
    Sam,
    TwoWayTransformer,
)
from torch import Tensor, nn

from model.errors import WeightsMismatch, WeightsMissing, shown
from model.weights.tensor_file import (
    FAULTS,
    LARGEST_TOWER,
    read_pickle,
    require_finite,
    require_size,
)

_MEAN, _STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
_PATCH = 16
_DECODER_HEADS = 8


def load_sam(path: Path) -> Sam:
    """The SAM in a checkpoint: `sam_vit_*.pth`, or the same tensors as safetensors.

    Nothing in the file is run: pickles are read as weights only.

    Raises:
        WeightsMissing: there is no such file.
        WeightsMismatch: the file holds no SAM.
    """
    if not path.is_file():
        raise WeightsMissing(f"there are no weights at {shown(path)}", "mend the path")
    try:
        tensors = _tensors(path)
        sam = sam_shaped_like(tensors)
        require_finite(tensors)
        sam.load_state_dict(tensors, assign=True)
    except FAULTS as error:
        raise WeightsMismatch(
            f"{shown(path)} does not hold the weights of a SAM",
            "use sam_vit_b, sam_vit_l or sam_vit_h, as .pth or .safetensors",
        ) from error
    # not part of a checkpoint
    sam.pixel_mean, sam.pixel_std = (torch.tensor(x).view(-1, 1, 1) for x in (_MEAN, _STD))
    return sam.float().eval().requires_grad_(False)


def _tensors(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        require_size(path, LARGEST_TOWER)
        return load_file(path)
    tensors: dict[str, Tensor] = read_pickle(path)
    return tensors


def sam_shaped_like(tensors: Mapping[str, Tensor]) -> Sam:
    """A SAM of the sizes that these tensors have; its own are on no device, and hold nothing.

    Raises:
        KeyError, ValueError: the tensors are not those of a SAM.
    """

    def size(name: str, axis: int = 0) -> int:
        return int(tensors[name].shape[axis])

    width = size("image_encoder.patch_embed.proj.weight")
    blocks = [f"image_encoder.blocks.{i}" for i in range(_blocks(tensors))]
    sides = [(size(f"{block}.attn.rel_pos_h") + 1) // 2 for block in blocks]
    cells = size("image_encoder.pos_embed", 1)
    channels = size("mask_decoder.iou_token.weight", 1)
    windows = {side for side in sides if side != cells}
    if len(windows) > 1:
        raise ValueError("windows of several sizes")
    with torch.device("meta"):
        return Sam(
            ImageEncoderViT(
                img_size=cells * _PATCH,
                patch_size=_PATCH,
                embed_dim=width,
                depth=len(blocks),
                num_heads=width // size(f"{blocks[0]}.attn.rel_pos_h", 1),
                mlp_ratio=size(f"{blocks[0]}.mlp.lin1.weight") / width,
                out_chans=channels,
                norm_layer=partial(nn.LayerNorm, eps=1e-6),
                use_rel_pos=True,
                window_size=windows.pop() if windows else 0,
                global_attn_indexes=tuple(i for i, side in enumerate(sides) if side == cells),
            ),
            PromptEncoder(
                embed_dim=channels,
                image_embedding_size=(cells, cells),
                input_image_size=(cells * _PATCH, cells * _PATCH),
                mask_in_chans=size("prompt_encoder.mask_downscaling.3.weight"),
            ),
            MaskDecoder(
                transformer_dim=channels,
                num_multimask_outputs=size("mask_decoder.mask_tokens.weight") - 1,
                iou_head_hidden_dim=size("mask_decoder.iou_prediction_head.layers.0.weight"),
                transformer=TwoWayTransformer(
                    depth=2,
                    embedding_dim=channels,
                    num_heads=_DECODER_HEADS,
                    mlp_dim=size("mask_decoder.transformer.layers.0.mlp.lin1.weight"),
                ),
            ),
        )


def _blocks(tensors: Mapping[str, Tensor]) -> int:
    prefix = "image_encoder.blocks."
    numbers = {name[len(prefix) :].split(".")[0] for name in tensors if name.startswith(prefix)}
    if not numbers:
        raise KeyError(prefix)
    return len(numbers)

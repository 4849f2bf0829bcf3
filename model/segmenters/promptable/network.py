"""nano's promptable network: a `Sam` on the bundled trunk, and its file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from segment_anything.modeling import MaskDecoder, PromptEncoder, Sam
from segment_anything.modeling.common import LayerNorm2d
from segment_anything.modeling.transformer import Attention
from torch import Tensor, nn
from torch.nn import functional

from model.encoders.efficientnet import CHANNELS, FINE_CHANNELS, EfficientNetTrunk
from model.segmenters.neck import Neck, folded
from model.segmenters.promptable.decoder import FineMaskDecoder, packed
from model.weights.quantisation import quantised, restored
from model.weights.tensor_file import fitting, network_file

SIDE = 448  # pixels of the square that photos are padded to
STRIDE = 16
_GREY = [127.5] * 3  # as the trunk's input is scaled
# before anything is learned: a fine feature, the logit of masks, the pull of cells to no prompt
_CONSTANT, _NOTHING, _PULL = 2.0, -2.5, 3.0
_LARGE = 4096  # values of a matrix that is kept as int8


@dataclass(frozen=True)
class PromptedShape:
    """Sizes of a promptable network.

    Attributes:
        width: C, channels of prompts and of cells at stride 16.
        heads, mlp, quality: see `FineMaskDecoder`.
        neck, neck_fine: channels of the neck at strides 8 to 32, and at stride 4.
        blocks: number of blocks of the neck at strides 32, 16 and 8.
        mask_channels: hidden channels of what reads mask prompts.
    """

    width: int = 128
    heads: int = 4
    mlp: int = 512
    quality: int = 128
    neck: int = 96
    neck_fine: int = 64
    blocks: tuple[int, ...] = (2, 2, 1)
    mask_channels: int = 16


class TrunkEncoder(nn.Module):
    """The image encoder: the frozen trunk, a neck, and everything masks need in one tensor.

    The trunk's weights are not part of this module's.

    Attributes:
        img_size: pixels of the square photo.
    """

    def __init__(self, trunk: EfficientNetTrunk, shape: PromptedShape, side: int = SIDE) -> None:
        super().__init__()
        self.img_size = side
        self._trunk = trunk
        self.neck = Neck((FINE_CHANNELS, *CHANNELS[:3]), shape.neck, shape.neck_fine, shape.blocks)
        folded(self.neck)  # it starts from a trained one, and few photos make a batch
        self.coarse = nn.Sequential(nn.Conv2d(shape.neck, shape.width, 1), LayerNorm2d(shape.width))
        self.middle = nn.Conv2d(shape.neck, shape.width // 4, 1)
        self.fine = nn.Conv2d(shape.neck_fine, shape.width // 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        """B×4·C×side/16×side/16 (see `packed`) of B×3×side×side photos in [-1, 1]."""
        return self.embedding(self.maps(x))

    def maps(self, x: Tensor) -> tuple[Tensor, ...]:
        """The trunk's maps of such photos at strides 4, 8, 16 and 32."""
        return self._trunk.pyramids(x)

    def embedding(self, maps: Sequence[Tensor]) -> Tensor:
        """Result of `forward`, from the trunk's maps."""
        pyramid = self.neck(maps)
        fine = self.fine(pyramid.fine)
        coarse = self.coarse(pyramid.coarse).to(fine.dtype)  # norms leave autocast's precision
        return packed(coarse, self.middle(pyramid.grid), fine)


class PromptedSam(Sam):  # type: ignore[misc]
    """A `segment_anything.modeling.Sam`: `SamPredictor` and `SamAutomaticMaskGenerator` take it.

    Args:
        trunk: sees the photo.
        shape: sizes of the network.
        side: pixels of the square that photos are padded to; masks have a quarter of it.
    """

    image_encoder: TrunkEncoder
    prompt_encoder: PromptEncoder
    mask_decoder: FineMaskDecoder

    def __init__(
        self, trunk: EfficientNetTrunk, shape: PromptedShape | None = None, side: int = SIDE
    ) -> None:
        self.shape = shape = shape or PromptedShape()
        cells = side // STRIDE
        super().__init__(
            TrunkEncoder(trunk, shape, side),
            PromptEncoder(shape.width, (cells, cells), (side, side), shape.mask_channels),
            FineMaskDecoder(shape.width, shape.heads, shape.mlp, shape.quality),
            _GREY,
            _GREY,
        )

    def resize(self, side: int) -> None:
        """Look at photos in a square of another side from now on; no weight depends on it."""
        cells = side // STRIDE
        self.image_encoder.img_size = side
        self.prompt_encoder.input_image_size = (side, side)
        self.prompt_encoder.image_embedding_size = (cells, cells)
        self.prompt_encoder.mask_input_size = (4 * cells, 4 * cells)

    def save(self, path: Path) -> None:
        """Write the weights and the shape to a safetensors file: large matrices as int8 with a
        scale a row, the rest as float16. The trunk's are not among them."""
        tensors = {
            name: value
            for name, value in self.state_dict().items()
            if not name.endswith("num_batches_tracked")
        }
        large = {name: value for name, value in tensors.items() if value.numel() >= _LARGE}
        small = {
            name: value.half().contiguous() for name, value in tensors.items() if name not in large
        }
        metadata = {
            "shape": json.dumps(asdict(self.shape)),
            "side": str(self.image_encoder.img_size),
        }
        save_file(small | quantised(large), path, metadata=metadata)

    @classmethod
    def load(cls, path: Path, trunk: EfficientNetTrunk) -> PromptedSam:
        """The network in a safetensors file, in float32, for inference.

        Raises:
            WeightsMismatch: the file holds no such network.
        """
        with network_file(
            path,
            "the weights of a promptable segmenter",
            "reinstall segsearch, or train it again (segsearch train recipes/prompts.toml)",
        ) as (metadata, tensors):
            told = json.loads(metadata["shape"])
            shape = PromptedShape(**told | {"blocks": tuple(told["blocks"])})
            network = fitting(lambda: cls(trunk, shape, int(metadata["side"])), tensors)
            network.load_state_dict(restored(tensors))
        network.eval().requires_grad_(False)
        return network


@torch.no_grad()
def localised(network: PromptedSam, sharpness: float = 2.0) -> None:
    """Let masks begin with what is seen at their prompt's place, in place.

    Prompts and decoder as in `localised_prompts`; what is seen is about as loud as a place. One
    fine feature is a constant, so that masks begin as nothing: else whole features are driven to
    nothing instead, never to come back.

    Args:
        network: freshly made.
        sharpness: gain of the projections to queries and keys.
    """
    encoder, decoder = network.image_encoder, network.mask_decoder
    localised_prompts(network.prompt_encoder, decoder, sharpness)
    nn.init.constant_(encoder.coarse.get_parameter("1.weight"), 0.3)
    assert encoder.fine.bias is not None
    encoder.fine.weight[0].zero_()
    encoder.fine.bias[0] = _CONSTANT
    for perceptron in decoder.output_hypernetworks_mlps:
        perceptron.layers[-1].bias[0] = _NOTHING / _CONSTANT


@torch.no_grad()
def localised_prompts(prompts: PromptEncoder, decoder: MaskDecoder, sharpness: float = 2.0) -> None:
    """Let tokens begin with what is seen at their prompt's place, in place.

    To find its place, and to say what is there, is what such a decoder else learns first, and
    slowly. So what names a token starts quietly beside its place; queries and keys of each
    attention are projected alike, that equal places attract each other (tokens without a place
    look at all others, and get theirs); what is attended to is passed on as it is (a projection
    onto as many dimensions as there are); and cells where no prompt is look at the token of the
    IoU instead, so that those where one is differ.

    Args:
        prompts, decoder: freshly made.
        sharpness: gain of the projections to queries and keys.
    """
    for embedding in (
        *prompts.point_embeddings,
        prompts.not_a_point_embed,
        prompts.no_mask_embed,
        decoder.mask_tokens,
    ):
        embedding.weight.mul_(0.1)
    decoder.iou_token.weight.mul_(0.5)
    for attention in decoder.transformer.modules():
        if isinstance(attention, Attention):
            nn.init.orthogonal_(attention.q_proj.weight, sharpness)
            attention.k_proj.weight.copy_(attention.q_proj.weight)
            nn.init.orthogonal_(attention.v_proj.weight)
            attention.out_proj.weight.copy_(attention.v_proj.weight.T)
            for layer in (attention.q_proj, attention.k_proj, attention.v_proj, attention.out_proj):
                layer.bias.zero_()
    for block in decoder.transformer.layers:
        for norm in (block.norm1, block.norm2, block.norm3):
            norm.weight.fill_(0.7)  # about as loud as a place
        block.norm4.weight.fill_(0.3)
        seeing = block.cross_attn_image_to_token
        nowhere = seeing.k_proj(decoder.iou_token.weight[0]).view(seeing.num_heads, -1)
        seeing.q_proj.bias.copy_((_PULL * functional.normalize(nowhere, dim=1)).flatten())

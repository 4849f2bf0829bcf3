"""SAM's mask decoder, with finer features of the photo added while masks are upscaled (SAM 2)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from segment_anything.modeling import MaskDecoder, TwoWayTransformer
from torch import Tensor, nn
from torch.nn import functional

HYPOTHESES = 3


class FineFeatures(NamedTuple):
    """What an embedding of B photos holds, as tokens: h·w cells of stride 16, row by row.

    Attributes:
        coarse: B×C×h×w, what prompts and masks attend to.
        middle: B×(h·w)×4×C/4, the 2×2 cells of stride 8 in each cell.
        fine: B×(h·w)×4×4×C/8, in each of those the 2×2 cells of stride 4.
    """

    coarse: Tensor
    middle: Tensor
    fine: Tensor


def packed(coarse: Tensor, middle: Tensor, fine: Tensor) -> Tensor:
    """Maps at strides 16, 8 and 4 as one tensor at stride 16, as SAM's callers expect it.

    Args:
        coarse: B×C×h×w.
        middle: B×C/4×2h×2w; becomes C channels.
        fine: B×C/8×4h×4w; becomes 2·C channels.

    Returns:
        B×4·C×h×w.
    """
    parts = (coarse, functional.pixel_unshuffle(middle, 2), functional.pixel_unshuffle(fine, 4))
    return torch.cat(parts, dim=1)


def unpacked(embedding: Tensor) -> FineFeatures:
    """The maps in a tensor that `packed` made, the finer ones as tokens."""
    batch, channels, height, width = embedding.shape
    sizes = [channels // 4, channels // 4, channels // 2]
    coarse, middle, fine = torch.split(embedding, sizes, dim=1)
    # channels of pixel_unshuffle: feature, row in the cell, column in the cell
    middle = middle.reshape(batch, -1, 4, height * width).permute(0, 3, 2, 1)
    fine = fine.reshape(batch, -1, 2, 2, 2, 2, height * width).permute(0, 6, 2, 4, 3, 5, 1)
    return FineFeatures(coarse, middle, fine.reshape(batch, height * width, 4, 4, -1))


class FineMaskDecoder(MaskDecoder):  # type: ignore[misc]
    """SAM's decoder whose upscaling sees the photo at strides 8 and 4.

    With the names of `MaskDecoder.output_upscaling`'s layers:

        middle' = GELU(LayerNorm(convolution 1 of the attended cells + middle))
        fine' = GELU(convolution 2 of middle' + fine)
        masks = hypernetworks' outputs · fine'

    It has exactly the parameters of `MaskDecoder`; both transposed convolutions have kernels as
    large as their strides, so they are matrix products, and cells stay tokens until the masks.

    Args:
        width: C, channels of prompts and cells.
        heads: number of heads of every attention.
        mlp: hidden channels of the prompts' perceptrons.
        quality: hidden channels of what estimates the IoU.
    """

    def __init__(self, width: int, heads: int, mlp: int, quality: int) -> None:
        transformer = TwoWayTransformer(depth=2, embedding_dim=width, num_heads=heads, mlp_dim=mlp)
        super().__init__(
            transformer_dim=width,
            transformer=transformer,
            num_multimask_outputs=HYPOTHESES,
            iou_head_hidden_dim=quality,
        )

    def predict_masks(
        self,
        image_embeddings: Tensor,
        image_pe: Tensor,
        sparse_prompt_embeddings: Tensor,
        dense_prompt_embeddings: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Masks of N prompts: the single one, then three hypotheses.

        Args:
            image_embeddings: B×4·C×h×w, see `packed`; N is a multiple of B, the first N/B prompts
                are asked of the first photo and so on. (SAM's decoder knows B = 1 only.)
            image_pe: 1×C×h×w, encoded places.
            sparse_prompt_embeddings: N×points×C.
            dense_prompt_embeddings: N×C×h×w.

        Returns:
            N×4×4h×4w logits, and N×4 estimated IoUs.
        """
        photo = unpacked(image_embeddings)
        prompts = len(sparse_prompt_embeddings)
        each = prompts // len(image_embeddings)
        own = torch.cat([self.iou_token.weight, self.mask_tokens.weight])
        tokens = torch.cat([own.expand(prompts, -1, -1), sparse_prompt_embeddings], dim=1)
        dense = dense_prompt_embeddings.to(photo.coarse.dtype)
        cells = photo.coarse.repeat_interleave(each, dim=0) + dense
        said, seen = self.transformer(
            cells, image_pe.expand(prompts, -1, -1, -1).to(cells.dtype), tokens.to(cells.dtype)
        )
        fine = self._upscaled(seen, photo, each)
        hyper = torch.stack(
            [
                network(said[:, 1 + number])
                for number, network in enumerate(self.output_hypernetworks_mlps)
            ],
            dim=2,
        )
        masks = fine.flatten(1, 3) @ hyper
        return _as_maps(masks, photo.coarse.shape[2]), self.iou_prediction_head(said[:, 0])

    def _upscaled(self, cells: Tensor, photo: FineFeatures, each: int) -> Tensor:
        """N×(h·w)×4×4×C/8 features at stride 4 of N×(h·w)×C attended cells."""
        first, norm, activation, second, last = self.output_upscaling
        middle = _beside(_doubled(cells, first), photo.middle, each)
        middle = functional.layer_norm(middle, middle.shape[-1:], norm.weight, norm.bias, norm.eps)
        upscaled: Tensor = last(_beside(_doubled(activation(middle), second), photo.fine, each))
        return upscaled


def _doubled(cells: Tensor, convolution: nn.ConvTranspose2d) -> Tensor:
    """…×4×outputs from …×inputs: a transposed 2×2 convolution of stride 2, each cell by itself."""
    weight = convolution.weight.permute(2, 3, 1, 0).flatten(0, 2)
    assert convolution.bias is not None
    doubled = functional.linear(cells, weight, convolution.bias.repeat(4))
    return doubled.view(*cells.shape[:-1], 4, -1)


def _beside(cells: Tensor, photo: Tensor, each: int) -> Tensor:
    """N×… cells plus B×… of their photos, N/B = `each` prompts a photo."""
    return (cells.view(-1, each, *cells.shape[1:]) + photo[:, None]).flatten(0, 1)


def _as_maps(masks: Tensor, height: int) -> Tensor:
    """N×M×4h×4w from N×(h·w·4·4)×M, of nested cells."""
    prompts, cells, count = masks.shape
    nested = masks.view(prompts, height, cells // (16 * height), 2, 2, 2, 2, count)
    return nested.permute(0, 7, 1, 3, 5, 2, 4, 6).flatten(5).flatten(2, 4)

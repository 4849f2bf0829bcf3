"""The parts of a SAM-like mask decoder by what they do, whoever wrote the module.

segment-anything and transformers name the same layers differently, and the newer models add to
them: SAM 2 and its kin have one token more and fine features, SAM-HQ has another token and another
drawing, nano's decoder has fine features and fewer channels. What is read here is all that
`folded_decoder` needs to know.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True, eq=False)
class AttentionParts:
    """Attention of `heads` heads: linear layers C→d (query, key, value) and d→C (out)."""

    query: nn.Linear
    key: nn.Linear
    value: nn.Linear
    out: nn.Linear
    heads: int


@dataclass(frozen=True, eq=False)
class BlockParts:
    """One block of the two-way transformer, in the order of its work."""

    to_self: AttentionParts
    norm_self: nn.LayerNorm
    to_image: AttentionParts
    norm_image: nn.LayerNorm
    mlp: nn.Module
    norm_mlp: nn.LayerNorm
    to_tokens: AttentionParts
    norm_tokens: nn.LayerNorm


@dataclass(frozen=True, eq=False)
class RefiningParts:
    """Parts that SAM-HQ adds (see `hq_refiner`).

    Attributes:
        token: place of its token.
        mixer: network from the token to the weights of the channels.
        first, norm, second: convolutions of 3×3, C₂→C₁→C₂, and the norm between them.
    """

    token: int
    mixer: nn.Module
    first: nn.Conv2d
    norm: ChannelNorm
    second: nn.Conv2d


@dataclass(frozen=True, eq=False)
class DecoderParts:
    """A mask decoder.

    Attributes:
        tokens: t×C learned tokens, before those of the prompt.
        quality_token: place of the token that the quality is read from.
        mask_tokens: places of the masks' tokens: that of the single mask, then of the hypotheses.
        blocks: blocks of the two-way transformer.
        last: its last attention, tokens to image.
        norm_last: after it.
        enlarge: the two transposed convolutions of kernel and stride 2.
        norm_enlarged: weight and bias of the norm over channels between them, and its epsilon.
        activation: after each of them.
        mixers: network for each mask, from its token to the weights of the channels.
        quality: network from a token to the quality of all masks.
        refining: refiner added to all masks of a prompt, if any.
    """

    tokens: nn.Parameter
    quality_token: int
    mask_tokens: tuple[int, ...]
    blocks: tuple[BlockParts, ...]
    last: AttentionParts
    norm_last: nn.LayerNorm
    enlarge: tuple[nn.ConvTranspose2d, nn.ConvTranspose2d]
    norm_enlarged: ChannelNorm
    activation: nn.Module
    mixers: tuple[nn.Module, ...]
    quality: nn.Module
    refining: RefiningParts | None

    def to(self, dtype: torch.dtype, device: torch.device) -> DecoderParts:
        """A copy of all parts in that precision and place."""
        moved: DecoderParts = _moved(self, dtype, device)
        return moved


@dataclass(frozen=True, eq=False)
class ChannelNorm:
    """What a norm over the channels multiplies by and adds."""

    weight: nn.Parameter
    bias: nn.Parameter
    eps: float


def decoder_parts(decoder: nn.Module) -> DecoderParts:
    """The parts of a `MaskDecoder` of segment-anything or transformers."""
    made: Any = decoder
    transformer = made.transformer
    if hasattr(made, "output_upscaling"):
        first, norm, activation, second, _ = made.output_upscaling
        norm_last = transformer.norm_final_attn
    else:
        first, second = made.upscale_conv1, made.upscale_conv2
        norm, activation = made.upscale_layer_norm, made.activation
        norm_last = transformer.layer_norm_final_attn
    learned = [made.iou_token.weight, made.mask_tokens.weight]
    if hasattr(made, "obj_score_token"):
        learned.insert(0, made.obj_score_token.weight)
    masks, quality_token = len(made.output_hypernetworks_mlps), len(learned) - 2
    refining = None
    if hasattr(made, "hq_token"):
        refining = _refining(made, quality_token + 1 + masks)
        learned.append(made.hq_token.weight)
    return DecoderParts(
        tokens=nn.Parameter(torch.cat(learned).detach(), requires_grad=False),
        quality_token=quality_token,
        mask_tokens=tuple(range(quality_token + 1, quality_token + 1 + masks)),
        blocks=tuple(_block(layer) for layer in transformer.layers),
        last=_attention(transformer.final_attn_token_to_image),
        norm_last=norm_last,
        enlarge=(first, second),
        norm_enlarged=_channel_norm(norm),
        activation=activation,
        mixers=tuple(made.output_hypernetworks_mlps),
        quality=made.iou_prediction_head,
        refining=refining,
    )


def _refining(made: Any, token: int) -> RefiningParts:
    norm = _channel_norm(made.mask_norm)
    return RefiningParts(token, made.hq_mask_mlp, made.mask_conv1, norm, made.mask_conv2)


def _channel_norm(norm: Any) -> ChannelNorm:
    return ChannelNorm(norm.weight, norm.bias, norm.eps)


def _block(layer: Any) -> BlockParts:
    name = "norm" if hasattr(layer, "norm1") else "layer_norm"
    norms = [getattr(layer, f"{name}{number}") for number in (1, 2, 3, 4)]
    return BlockParts(
        _attention(layer.self_attn),
        norms[0],
        _attention(layer.cross_attn_token_to_image),
        norms[1],
        layer.mlp,
        norms[2],
        _attention(layer.cross_attn_image_to_token),
        norms[3],
    )


def _attention(layer: Any) -> AttentionParts:
    out = layer.out_proj if hasattr(layer, "out_proj") else layer.o_proj
    heads = layer.num_heads if hasattr(layer, "num_heads") else layer.num_attention_heads
    return AttentionParts(layer.q_proj, layer.k_proj, layer.v_proj, out, heads)


def _moved(part: Any, dtype: torch.dtype, device: torch.device) -> Any:
    """A copy of a layer, of parameters, or of whatever dataclass or tuple is made of them."""
    if isinstance(part, nn.Module):
        return copy.deepcopy(part).to(device, dtype).requires_grad_(False)
    if isinstance(part, nn.Parameter):
        return nn.Parameter(part.detach().to(device, dtype), requires_grad=False)
    if isinstance(part, tuple):
        return tuple(_moved(each, dtype, device) for each in part)
    if not is_dataclass(part) or isinstance(part, type):
        return part
    return replace(
        part, **{f.name: _moved(getattr(part, f.name), dtype, device) for f in fields(part)}
    )

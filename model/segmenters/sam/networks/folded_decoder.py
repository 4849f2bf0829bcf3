"""SAM's mask decoder by other sums: the same masks from half the arithmetic, and less memory.

With tokens T (some 7 of them), image cells K (N×C, their positions P) and heads h, all linear
layers over the image's cells are folded onto the tokens (Kirillov et al. 2023, §A "Mask decoder"
has the layers; nothing below approximates them):

    tokens to image   softmax((T·Wq)ₕ ((K+P)·Wk)ₕᵀ) (K·Wv)ₕ
                      = softmax(T'ₕ Kᵀ + (T·Wq)ₕ (P·Wk)ₕᵀ) K · Wvₕ  with T'ₕ = (T·Wq)ₕ Wkₕᵀ
    image to tokens   softmax(((K+P)·Wq)ₕ (T·Wk)ₕᵀ) (T·Wv)ₕ Woₕ
                      = softmax(K T'ₕᵀ + …) · ((T·Wv)ₕ Woₕ)         with T'ₕ = (T·Wk)ₕ Wqₕᵀ

so that a block costs four products of N×C by C×(heads·tokens) instead of four of N×C by C×C. In
the first block K is the same for all points: its projections are made once a photo. Quality is
read from a token before any mask is drawn, and only points with a mask worth drawing go on.
Transposed convolutions whose stride is their kernel are matrix products, cell by cell.

In bfloat16 it is the drawing, not the attention, that masks owe their error to: a mask is the small
difference of large channels, and each rounding on the way to them counts (`python
bench/rounding.py`). Float32 costs a CPU little here, which waits for memory: see `decoder_dtype`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.segmenters.sam.networks.decoder_parts import AttentionParts, DecoderParts
from model.segmenters.sam.networks.hq_refiner import Refiner
from model.segmenters.sam.networks.shared_context import SUB, Scene, in_rows, shared_scene

_CELLS = 1 << 14  # of all points of a batch on a CPU: 16 MB in float32

SINGLE = slice(0, 1)
"""The mask for a prompt that means one thing, `multimask_output=False` of segment-anything."""
SEVERAL = slice(1, None)
"""The hypotheses for a prompt that may mean several, `multimask_output=True`."""
EVERY = slice(0, None)
"""Both."""


def masks_wanted(several: bool | None) -> slice:
    """`SEVERAL`, `SINGLE` or, where it is None, `EVERY`."""
    if several is None:
        return EVERY
    return SEVERAL if several else SINGLE


@dataclass(frozen=True, eq=False)
class Scored:
    """B prompts after the transformer.

    Attributes:
        quality: B×M float32 estimated IoU of each prompt's masks.
        mixers: B×M×C₂, the weights of the enlarged channels in each mask; of a refining decoder
            those of its own drawing follow.
        cells: B×N×C, the image's cells as each prompt left them.
        scene: shared tensors of the image that the prompts lie in.
    """

    quality: Tensor
    mixers: Tensor
    cells: Tensor
    scene: Scene


class FoldedDecoder:
    """A mask decoder folded for many points of one photo.

    Args:
        parts: parts of the decoder.
        dtype: number format over the image's cells; over tokens it is float32 at least.
        device: device that it runs on.
        compiler: backend of `torch.compile`, as "inductor"; None: nothing is compiled.
    """

    def __init__(
        self,
        parts: DecoderParts,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        compiler: str | None = None,
    ) -> None:
        self.dtype = dtype
        self.device = torch.device(device)
        self.fine_dtype = torch.promote_types(dtype, torch.float32)
        self._parts = parts.to(self.fine_dtype, self.device)
        first, second = self._parts.enlarge
        self._first, self._second = self._as_product(first), self._as_product(second)
        norm = self._parts.norm_enlarged
        self._norm = (norm.weight.to(dtype), norm.bias.to(dtype), norm.eps)
        refining = self._parts.refining
        self._refine = Refiner(refining, self._parts.activation, dtype) if refining else None
        self._norms = [
            (n.weight.to(dtype), n.bias.to(dtype), n.eps)
            for n in (block.norm_tokens for block in self._parts.blocks)
        ]
        self._transform, self._grow = self._transformed, self._grown
        if compiler:
            self._transform = torch.compile(self._transformed, backend=compiler)
            self._grow = torch.compile(self._grown, backend=compiler)

    def quickest_batch(self, cells: int) -> int:
        """So many points at a time are quickest, for photos of so many cells: on a CPU few, since
        what they leave behind must stay in the caches."""
        return 64 if self.device.type == "cuda" else max(_CELLS // cells, 1)

    def scene(
        self,
        cells: Tensor,
        places: Tensor,
        fine: Sequence[Tensor] | None = None,
        detail: Tensor | None = None,
    ) -> Scene:
        """Context that all points of a photo share.

        Args:
            cells: C×h×w of the image encoder, the embedding of "no mask" added.
            places: C×h×w position encoding.
            fine: C₁×2h×2w and C₂×4h×4w, added after the transposed convolutions.
            detail: C₂×4h×4w, of what a refining decoder draws besides.
        """
        image, position = (x.to(self.device, self.fine_dtype) for x in (cells, places))
        return shared_scene(self._parts, image, position, fine, detail, self.dtype)

    def score(self, scene: Scene, prompts: Tensor, wanted: slice = SEVERAL) -> Scored:
        """The transformer and the quality of B prompts' masks; nothing is drawn yet.

        Args:
            scene: the photo.
            prompts: B×p×C embeddings of the prompts.
            wanted: masks of each: `SINGLE`, `SEVERAL` or `EVERY`.
        """
        learned = self._parts.tokens.expand(len(prompts), -1, -1)
        start = torch.cat([learned, prompts.to(self.device, self.fine_dtype)], dim=1)
        quality, mixers, cells = self._transform(scene, start)
        count = len(self._parts.mixers)
        chosen = mixers[:, :count][:, wanted]
        if self._refine:
            chosen = torch.cat([chosen, mixers[:, count:]], dim=1)
        return Scored(quality[:, wanted], chosen, cells, scene)

    def draw(self, scored: Scored, rows: Tensor, height: int | None = None) -> Tensor:
        """Mask logits of some prompts, R×M×4·height×4w in float32 (float64 where it is that).

        Args:
            scored: result of `score`.
            rows: R int64, which of its prompts.
            height: rows of cells to draw, from above; the rest is padding. All by default.
        """
        scene = scored.scene
        whole, w = scene.size
        wanted = height or whole
        h = (
            min(wanted + 1, whole) if self._refine else wanted
        )  # it looks across two cells' quarters
        fine = scene.fine
        if fine is not None:
            fine = fine[0][: h * w], fine[1][: h * w * SUB]
        grown, mixers = self._grow(scored.cells[rows, : h * w], fine), scored.mixers[rows]
        masks = scored.quality.shape[1]
        logits = torch.bmm(mixers[:, :masks], grown.transpose(1, 2))
        drawn = in_rows(logits.to(self.fine_dtype), (h, w))
        if self._refine:
            assert scene.detail is not None
            laid = in_rows(grown.transpose(1, 2), (h, w)).permute(0, 2, 3, 1)
            drawn += self._refine(laid, mixers[:, -1], scene.detail[:, : 4 * h])[:, None]
        return drawn[:, :, : 4 * wanted]

    def _transformed(self, scene: Scene, start: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Quality, mixers and cells (as in `Scored`) of every mask, from tokens B×t×C."""
        parts = self._parts
        tokens, cells = start, scene.cells
        for number, block in enumerate(parts.blocks):
            if number == 0:
                tokens = _attended(block.to_self, tokens, tokens, tokens)
            else:
                placed = tokens + start
                tokens = tokens + _attended(block.to_self, placed, placed, tokens)
            tokens = block.norm_self(tokens)
            if number == 0:
                seen = self._look_at_first(block.to_image, tokens + start, scene)
            else:
                place = scene.places_key[number]
                seen = self._look(block.to_image, tokens + start, cells, place)
            tokens = block.norm_image(tokens + seen)
            tokens = block.norm_mlp(tokens + block.mlp(tokens))
            cells = self._tell(number, tokens, start, cells, scene)
        seen = self._look(parts.last, tokens + start, cells, scene.places_key[-1])
        tokens = parts.norm_last(tokens + seen)
        quality = parts.quality(tokens[:, parts.quality_token])[:, : len(parts.mixers)]
        mixers = [
            mixer(tokens[:, place])
            for mixer, place in zip(parts.mixers, parts.mask_tokens, strict=True)
        ]
        if (refining := parts.refining) is not None:
            mixers.append(refining.mixer(tokens[:, refining.token]))
        return quality.float(), torch.stack(mixers, dim=1).to(self.dtype), cells

    def _grown(self, cells: Tensor, fine: tuple[Tensor, Tensor] | None) -> Tensor:
        """R×16n×C₂: n cells enlarged; in each those of the first enlarging, and in those the
        second's."""
        count, inside = cells.shape[:2]
        (weight, bias), (weight2, bias2) = self._first, self._second
        grown = torch.addmm(bias, cells.flatten(0, 1), weight).view(count, inside, -1)
        if fine is not None:
            grown += fine[0]
        grown = grown.view(count, inside * SUB, -1)
        grown = functional.layer_norm(grown, grown.shape[2:], *self._norm)
        grown = self._activated(grown)
        grown = torch.addmm(bias2, grown.flatten(0, 1), weight2).view(count, inside * SUB, -1)
        if fine is not None:
            grown += fine[1]
        return self._activated(grown).view(count, inside * SUB**2, -1)

    def _look_at_first(self, parts: AttentionParts, tokens: Tensor, scene: Scene) -> Tensor:
        """Tokens to image in the first block, where all points see the same cells."""
        query = self._heads(parts.query, tokens, parts.heads, scaled=True)
        heads, _, d = scene.value.shape[0], scene.value.shape[1], scene.value.shape[2]
        count, t = tokens.shape[:2]
        flat = query.transpose(0, 1).reshape(heads, count * t, d)
        weights = torch.bmm(flat, scene.key).softmax(dim=-1)
        seen = torch.bmm(weights, scene.value).view(heads, count, t, d)
        return self._joined(parts, seen.transpose(0, 1))

    def _look(self, parts: AttentionParts, tokens: Tensor, cells: Tensor, place: Tensor) -> Tensor:
        """Tokens to image with keys and values folded onto the tokens; B×t×C."""
        count, t = tokens.shape[:2]
        query = self._heads(parts.query, tokens, parts.heads, scaled=True)
        folded = torch.matmul(query, _by_head(parts.key, parts.heads, self.dtype))
        scores = _shared_product(query, place).reshape(count, parts.heads * t, -1)
        scores.baddbmm_(folded.view(count, parts.heads * t, -1), cells.transpose(1, 2))
        mean = torch.bmm(scores.softmax(dim=-1), cells).view(count, parts.heads, t, -1)
        value = _by_head(parts.value, parts.heads, self.fine_dtype)
        seen = torch.matmul(mean.to(self.fine_dtype), value.transpose(1, 2))
        bias = parts.value.bias.view(parts.heads, 1, -1)
        return self._joined(parts, seen + bias)

    def _tell(
        self, number: int, tokens: Tensor, start: Tensor, cells: Tensor, scene: Scene
    ) -> Tensor:
        """Image to tokens of one block, and the norm after it; the new cells, B×N×C."""
        parts = self._parts.blocks[number].to_tokens
        count, t = tokens.shape[:2]
        key = self._heads(parts.key, tokens + start, parts.heads, scaled=True)
        if number == 0:
            scores = _shared_product(key, scene.query)
        else:
            folded = torch.matmul(key, _by_head(parts.query, parts.heads, self.dtype))
            scores = _shared_product(key, scene.places_query[number])
            scores = scores.reshape(count, parts.heads * t, -1)
            scores.baddbmm_(folded.view(count, parts.heads * t, -1), cells.transpose(1, 2))
        weights = scores.view(count, parts.heads, t, -1).softmax(dim=2)
        value = parts.value(tokens).view(count, t, parts.heads, -1).transpose(1, 2)
        # every head's weights sum to one, so each may carry its share of the bias
        out = parts.out.weight.T.reshape(parts.heads, -1, parts.out.out_features)
        told = torch.matmul(value, out) + parts.out.bias / parts.heads
        told = told.to(self.dtype).view(count, parts.heads * t, -1)
        weights = weights.view(count, parts.heads * t, -1).transpose(1, 2)
        if number == 0:  # the photo's cells, which all points share
            changed = torch.baddbmm(cells.expand(count, -1, -1), weights, told)
        else:
            changed = cells.baddbmm_(weights, told)
        return functional.layer_norm(changed, changed.shape[2:], *self._norms[number])

    def _heads(self, layer: nn.Linear, tokens: Tensor, heads: int, *, scaled: bool) -> Tensor:
        """B×heads×t×d projection of tokens, divided by √d."""
        count, t = tokens.shape[:2]
        projected: Tensor = layer(tokens).view(count, t, heads, -1).transpose(1, 2)
        if scaled:
            projected = projected * projected.shape[-1] ** -0.5
        return projected.to(self.dtype)

    def _joined(self, parts: AttentionParts, seen: Tensor) -> Tensor:
        """The output layer over heads side by side: B×heads×t×d to B×t×C."""
        count, _, t, _ = seen.shape
        together = seen.to(self.fine_dtype).transpose(1, 2).reshape(count, t, -1)
        joined: Tensor = parts.out(together)
        return joined

    def _as_product(self, layer: nn.ConvTranspose2d) -> tuple[Tensor, Tensor]:
        """Weight C×(4·outputs) and bias 4·outputs of a transposed convolution of 2×2."""
        weight = layer.weight.permute(0, 2, 3, 1).flatten(1).to(self.dtype).contiguous()
        assert layer.bias is not None
        return weight, layer.bias.repeat(SUB).to(self.dtype)

    def _activated(self, x: Tensor) -> Tensor:
        if isinstance(self._parts.activation, nn.GELU):
            torch.ops.aten.gelu_(x)
            return x
        activated: Tensor = self._parts.activation(x)
        return activated


def decoder_dtype(dtype: torch.dtype, device: torch.device) -> torch.dtype:
    """Type that a decoder computes in, beside an image encoder that does in `dtype`.

    On a CPU it is float32 at least: bfloat16 would save a third of its time and change one mask in
    ten of a trained decoder (`python bench/masks.py`).
    """
    return torch.promote_types(dtype, torch.float32) if device.type == "cpu" else dtype


def _attended(parts: AttentionParts, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Plain attention among tokens, B×t×C."""
    count, t = query.shape[:2]
    q, k, v = (
        layer(x).view(count, t, parts.heads, -1).transpose(1, 2)
        for layer, x in ((parts.query, query), (parts.key, key), (parts.value, value))
    )
    weights = (q @ k.transpose(2, 3) * q.shape[-1] ** -0.5).softmax(dim=-1)
    joined: Tensor = parts.out((weights @ v).transpose(1, 2).reshape(count, t, -1))
    return joined


def _by_head(layer: nn.Linear, heads: int, dtype: torch.dtype) -> Tensor:
    """The weight of a layer C→d as heads×d×C."""
    return layer.weight.view(heads, -1, layer.in_features).to(dtype)


def _shared_product(tokens: Tensor, shared: Tensor) -> Tensor:
    """B×heads×t×N products of B×heads×t×d with what all points share, heads×d×N."""
    count, heads, t, d = tokens.shape
    flat = tokens.transpose(0, 1).reshape(heads, count * t, d)
    return torch.bmm(flat, shared).view(heads, count, t, -1).transpose(0, 1).contiguous()

"""SAM's image encoder (a ViT with windows and relative positions), the same sums done faster.

What the reference does for each head of a global layer is write out a 4096×4096 table of scores
three times over. Here it is either made a block of rows at a time, small enough for the cache, or,
where fused attention is quicker (bfloat16, GPUs), the relative positions are folded into queries
and keys: with one-hot row r and column c of a key, q·k + q·Rh[r] + q·Rw[c] is the one product
[q, q·Rh, q·Rw]·[k, onehot(r), onehot(c)]. Windows reach over the border of the map; what lies
there is the bias of the projection, and is not computed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.segmenters.sam.networks.fast_linear import linear

_ROWS = 128  # of a table of scores at a time: 2 MB in float32
_TOKENS = 1024  # that the MLP takes at a time


class ImageEncoder:
    """An `ImageEncoderViT` of segment-anything, run by other code.

    Args:
        vit: the encoder; it is moved and converted, not copied, and no use by itself afterwards.
        dtype: number format of products and attention. Sums along the layers and norms are float32
            at least.
        device: device that it runs on.
    """

    def __init__(
        self,
        vit: nn.Module,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        self.dtype = dtype
        self.wide = torch.promote_types(dtype, torch.float32)
        parts: Any = vit.to(device, self.wide).eval().requires_grad_(False)
        self._vit = parts
        self._blocks = [_Block(block, dtype, device) for block in parts.blocks]
        self.side: int = parts.img_size

    @torch.inference_mode()
    def __call__(self, photos: Tensor) -> Tensor:
        """B×C×h×w features of B×3×side×side normalised photos, in float32 at least."""
        x = self._vit.patch_embed(photos.to(self._vit.pos_embed.device, self.wide))
        if self._vit.pos_embed is not None:
            x = x + self._vit.pos_embed
        x = x.contiguous()
        for block in self._blocks:
            block.add_to(x)
        features: Tensor = self._vit.neck(x.permute(0, 3, 1, 2))
        return features


class _Block:
    """A layer: attention (in windows, or over all), then an MLP, each added to its input."""

    def __init__(self, block: Any, dtype: torch.dtype, device: torch.device | str) -> None:
        def narrow(layer: nn.Linear) -> tuple[Tensor, Tensor]:
            weight, bias = layer.weight, layer.bias
            return weight.detach().to(device, dtype), bias.detach().to(device, dtype)

        self.dtype = dtype
        self.norms = (block.norm1, block.norm2)
        self.window: int = block.window_size
        attention = block.attn
        self.heads: int = attention.num_heads
        self.qkv, self.out = narrow(attention.qkv), narrow(attention.proj)
        self.first, self.second = narrow(block.mlp.lin1), narrow(block.mlp.lin2)
        self.activation = block.mlp.act
        # the layers' own weights are not needed again
        for layer in (attention.qkv, attention.proj, block.mlp.lin1, block.mlp.lin2):
            layer.weight, layer.bias = None, None
        self.positions: tuple[Tensor, Tensor] | None = None
        if attention.use_rel_pos:
            rows, columns = (
                _relative(table.detach().to(device, dtype))
                for table in (attention.rel_pos_h, attention.rel_pos_w)
            )
            self.positions = rows, columns

    def add_to(self, x: Tensor) -> None:
        """The layer, in place, on B×h×w×C."""
        batch, h, w, _ = x.shape
        see = self._in_windows if self.window else self._attention
        rows = h if x.is_cuda else self.window or h  # of windows at a time: small, and used again
        for start in range(0, h, rows):
            strip = x[:, start : start + rows]
            qkv = linear(self.norms[0](strip).to(self.dtype), *self.qkv)
            strip += linear(see(qkv), *self.out)
        tokens = x.view(batch * h * w, -1)
        for start in range(0, len(tokens), _TOKENS):
            part = tokens[start : start + _TOKENS]
            inner = linear(self.norms[1](part).to(self.dtype), *self.first)
            part += linear(_activated(self.activation, inner), *self.second)

    def _in_windows(self, qkv: Tensor) -> Tensor:
        """Attention inside windows: B×h×w×3C to B×h×w×C."""
        batch, h, w, channels = qkv.shape
        side = self.window
        rows, columns = -(-h // side), -(-w // side)
        padded = self.qkv[1].expand(batch, rows * side, columns * side, channels).clone()
        padded[:, :h, :w] = qkv
        windows = padded.view(batch, rows, side, columns, side, channels).transpose(2, 3)
        seen = self._attention(windows.reshape(-1, side, side, channels))
        seen = seen.view(batch, rows, columns, side, side, -1).transpose(2, 3)
        whole = seen.reshape(batch, rows * side, columns * side, -1)
        return whole[:, :h, :w].contiguous()

    def _attention(self, qkv: Tensor) -> Tensor:
        """Attention over all tokens of each map: B×h×w×3C to B×h×w×C."""
        batch, h, w, channels = qkv.shape
        split = torch.unflatten(qkv, 3, (3, self.heads, -1)).permute(3, 0, 4, 1, 2, 5)
        query, key, value = split.reshape(3, batch * self.heads, h * w, -1).unbind(0)
        if self.positions is None:
            seen = functional.scaled_dot_product_attention(query, key, value)
        else:
            along = _position_scores(query, (h, w), *self.positions)
            by_blocks = self.dtype in (torch.float32, torch.float64) and not query.is_cuda
            how = attention_by_blocks if by_blocks else fused_attention
            seen = how(query, key, value, *along)
        seen = seen.view(batch, self.heads, h * w, -1).transpose(1, 2)
        return seen.reshape(batch, h, w, channels // 3)


def attention_by_blocks(
    query: Tensor, key: Tensor, value: Tensor, rows: Tensor, columns: Tensor
) -> Tensor:
    """softmax(q·k/√d + relative positions)·v, a cacheful of scores at a time.

    Args:
        query, key, value: B×N×d, with N = h·w.
        rows: B×N×h, what each query adds to the scores of each row of keys.
        columns: B×N×w, the same for columns.
    """
    seen = torch.empty_like(query)
    scaled, h, w = query * query.shape[2] ** -0.5, rows.shape[2], columns.shape[2]
    maps = max(_ROWS * 4096 // (h * w) ** 2, 1)  # small maps, some at a time
    for one in range(0, len(query), maps):
        part = slice(one, one + maps)
        turned = key[part].transpose(1, 2)
        for start in range(0, h * w, _ROWS if maps == 1 else h * w):
            some = slice(start, start + (_ROWS if maps == 1 else h * w))
            scores = torch.bmm(scaled[part, some], turned)
            grid = scores.view(*scores.shape[:2], h, w)
            grid += rows[part, some, :, None]
            grid += columns[part, some, None, :]
            seen[part, some] = torch.bmm(scores.softmax(dim=-1), value[part])
    return seen


def fused_attention(
    query: Tensor, key: Tensor, value: Tensor, rows: Tensor, columns: Tensor
) -> Tensor:
    """Attention by torch's fused kernel; arguments as those of `attention_by_blocks`."""
    d, h, w = query.shape[2], rows.shape[2], columns.shape[2]
    if h * w <= 256:  # windows: the table is small, and folding would make q and k too wide
        bias = (rows[..., None] + columns[..., None, :]).flatten(2)
        return functional.scaled_dot_product_attention(
            query[None], key[None], value[None], attn_mask=bias[None]
        )[0]
    place = torch.arange(h * w, device=query.device)
    one_hot = torch.cat(
        [functional.one_hot(place // w, h), functional.one_hot(place % w, w)], dim=1
    ).to(query.dtype)
    longer_query = torch.cat([query * d**-0.5, rows, columns], dim=2)
    longer_key = torch.cat([key, one_hot.expand(len(key), -1, -1)], dim=2)
    # fused kernels want values as wide as keys
    wider_value = functional.pad(value, (0, h + w))
    seen = functional.scaled_dot_product_attention(
        longer_query[None], longer_key[None], wider_value[None], scale=1.0
    )
    return seen[0, ..., :d]


def _position_scores(
    query: Tensor, size: tuple[int, int], rows: Tensor, columns: Tensor
) -> tuple[Tensor, Tensor]:
    """Scores that queries B×N×d add to keys' rows (B×N×h) and columns (B×N×w)."""
    (h, w), d = size, query.shape[2]
    grid = query.view(-1, h, w, d)
    by_row = torch.bmm(grid.permute(1, 0, 2, 3).reshape(h, -1, d), rows)
    by_column = torch.bmm(grid.permute(2, 0, 1, 3).reshape(w, -1, d), columns)
    by_row = by_row.view(h, -1, w, h).permute(1, 0, 2, 3)
    by_column = by_column.view(w, -1, h, w).permute(1, 2, 0, 3)
    return by_row.reshape(-1, h * w, h), by_column.reshape(-1, h * w, w)


def _relative(table: Tensor) -> Tensor:
    """side×d×side: for each place of a query, the embeddings of its offsets to all keys."""
    side = (len(table) + 1) // 2
    place = torch.arange(side, device=table.device)
    return table[place[:, None] - place[None, :] + side - 1].transpose(1, 2).contiguous()


def _activated(activation: nn.Module, x: Tensor) -> Tensor:
    if isinstance(activation, nn.GELU):
        torch.ops.aten.gelu_(x)
        return x
    activated: Tensor = activation(x)
    return activated

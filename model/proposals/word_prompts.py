"""nano's word prompts: a phrase's tokens become prompts of the frozen promptable decoder.

K queries, alike but for what tells them apart, read the words and look at the photo's coarse cells,
three times over. Each then says whether it shows the phrase, where that is, and how it looks: a box
for the decoder, and what is added to the box' two tokens.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from model.proposals.prompt_tokens import PromptTokens
from model.proposals.seen_photo import SeenPhotos
from model.proposals.text_gate import TextGate
from model.segmenters.promptable.network import PromptedSam
from model.weights.tensor_file import fitting, network_file


@dataclass(frozen=True)
class WordPromptsShape:
    """Sizes of a network of word prompts.

    Attributes:
        queries: K, prompts that a phrase becomes.
        width: C, channels of the decoder's prompts and cells.
        text: components of a token.
        deep: channels of the trunk's map at stride 32.
        heads, mlp: attention heads, and width of the inner layer, of every layer.
        layers: looks at the photo.
    """

    queries: int = 20
    width: int = 128
    text: int = 384
    deep: int = 352
    heads: int = 4
    mlp: int = 256
    layers: int = 3


@dataclass(frozen=True, eq=False)
class WordAnswers:
    """Answers of K queries to B prompts after one look.

    Attributes:
        shows: B×K logits: whether the query shows the prompt.
        boxes: B×K×4, XYXY as shares of the square frame's side.
        coarse: B×K×h×w mask logits at stride 16.
        tokens: B×K×2×C, added to the tokens of the box' corners.
    """

    shows: Tensor
    boxes: Tensor
    coarse: Tensor
    tokens: Tensor


class WordPrompts(nn.Module):
    """Network from words and a seen photo to prompts.

    Args:
        shape: sizes of the network.
    """

    def __init__(self, shape: WordPromptsShape | None = None) -> None:
        super().__init__()
        self.shape = shape = shape or WordPromptsShape()
        width = shape.width
        self.words = nn.Sequential(
            nn.LayerNorm(shape.text),
            nn.Linear(shape.text, shape.mlp),
            nn.GELU(),
            nn.Linear(shape.mlp, width),
        )
        self.ties = nn.Parameter(torch.randn(shape.queries, width) * 0.5)
        self.anchors = nn.Parameter(_spread(shape.queries))
        self.deep = nn.Conv2d(shape.deep, width, 1)
        self.cells = nn.LayerNorm(width)
        self.layers = nn.ModuleList(
            _Look(width, shape.heads, shape.mlp) for _ in range(shape.layers)
        )
        self.norm = nn.LayerNorm(width)
        self.shows = nn.Linear(width, 1)
        self.box = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 4))
        self.mask = nn.Linear(width, width)
        self.tokens = nn.Linear(width, 2 * width)
        for last in (self.box[-1], self.tokens):
            assert isinstance(last, nn.Linear)
            nn.init.normal_(last.weight, std=0.001)
            nn.init.zeros_(last.bias)
        nn.init.constant_(self.shows.bias, -2.0)  # most queries show nothing

    def forward(self, seen: SeenPhotos, places: Tensor, prompt: PromptTokens) -> list[WordAnswers]:
        """Answers after each look, the last one's last.

        Args:
            seen: B photos.
            places: 1×C×h×w, encoded places of the decoder's cells.
            prompt: B prompts.
        """
        coarse = seen.embedding[:, : self.shape.width]  # the first of what `packed` holds
        deep = functional.interpolate(
            self.deep(seen.deep), coarse.shape[2:], mode="bilinear", align_corners=False
        )
        cells = self.cells((coarse + deep).flatten(2).transpose(1, 2))
        where = places.flatten(2).transpose(1, 2)
        words = PromptTokens(self.words(prompt.vectors), prompt.seen)
        heard = (words.vectors * prompt.seen[..., None]).sum(dim=1)
        mean = heard / prompt.seen.sum(dim=1, keepdim=True).clamp(min=1)
        queries = self.ties + mean[:, None]
        answers = []
        for layer in self.layers:
            queries = layer(queries, words, cells, where)
            answers.append(self._said(self.norm(queries), cells, coarse.shape[2:]))
        return answers

    def save(self, path: Path) -> None:
        """Write the weights (float16) and the shape to a safetensors file."""
        tensors = {name: value.half().contiguous() for name, value in self.state_dict().items()}
        save_file(tensors, path, metadata={"shape": json.dumps(asdict(self.shape))})

    @classmethod
    def load(cls, path: Path) -> WordPrompts:
        """The network in a safetensors file, in float32, for inference.

        Raises:
            WeightsMismatch: the file holds no such network.
        """
        with network_file(
            path,
            "the weights of word prompts",
            "train them (segsearch train recipes/proposals.toml)",
        ) as (metadata, tensors):
            shape = WordPromptsShape(**json.loads(metadata["shape"]))
            network = fitting(lambda: cls(shape), tensors)
            network.load_state_dict({name: value.float() for name, value in tensors.items()})
        network.eval().requires_grad_(False)
        return network

    def _said(self, queries: Tensor, cells: Tensor, grid: torch.Size) -> WordAnswers:
        middle, reach = (self.anchors + self.box(queries)).chunk(2, dim=2)
        centre, sides = middle.sigmoid(), reach.sigmoid()
        boxes = torch.cat([centre - sides / 2, centre + sides / 2], dim=2).clamp(0, 1)
        coarse = self.mask(queries) @ cells.transpose(1, 2) / self.shape.width**0.5
        tokens = self.tokens(queries).unflatten(2, (2, -1))
        return WordAnswers(self.shows(queries)[..., 0], boxes, coarse.unflatten(2, grid), tokens)


class _Look(nn.Module):
    """Words, each other, the photo, a perceptron: each with a norm before it and a residual."""

    def __init__(self, width: int, heads: int, mlp: int) -> None:
        super().__init__()
        self.words = TextGate(width, width, heads)
        nn.init.ones_(self.words.gate)  # there is no host whose answers are to be kept
        self.among = nn.MultiheadAttention(width, heads, batch_first=True)
        self.photo = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.perceptron = nn.Sequential(nn.Linear(width, mlp), nn.GELU(), nn.Linear(mlp, width))

    def forward(self, x: Tensor, words: PromptTokens, cells: Tensor, where: Tensor) -> Tensor:
        among, photo, own = self.norms
        x = self.words(x, words)
        each = among(x)
        x = x + self.among(each, each, each, need_weights=False)[0]
        x = x + self.photo(photo(x), cells + where, cells, need_weights=False)[0]
        widened: Tensor = self.perceptron(own(x))
        return x + widened


def drawn(
    network: PromptedSam, embedding: Tensor, boxes: Tensor, tokens: Tensor
) -> tuple[Tensor, Tensor]:
    """Masks that the frozen decoder draws: N×4h×4w logits, and N estimated IoUs.

    Args:
        network: promptable network.
        embedding: N×4·C×h×w, of the photo of each prompt.
        boxes: N×4, XYXY as shares of the frame's side.
        tokens: N×2×C, added to the corners' tokens.
    """
    encoder = network.prompt_encoder
    # prompts count pixels' centres, boxes their edges
    corners = encoder._embed_boxes(boxes * network.image_encoder.img_size - 0.5)
    _, dense = encoder(None, None, None)
    masks, quality = network.mask_decoder.predict_masks(
        embedding,
        encoder.get_dense_pe(),
        corners + tokens,
        dense.expand(len(boxes), -1, -1, -1),
    )
    return masks[:, 0], quality[:, 0]


def _spread(count: int) -> Tensor:
    """K×4 logits of centres (x, y) and sides (width, height): places all over the frame, sizes
    from a tenth of it to most of it."""
    turn = (torch.arange(count) + 0.5) / count
    golden = (torch.arange(count) * 0.618034 + 0.5) % 1
    side = 0.1 + 0.6 * (torch.arange(count) % 4) / 3
    share = torch.stack([0.15 + 0.7 * turn, 0.15 + 0.7 * golden, side, side], dim=1)
    return torch.logit(share)

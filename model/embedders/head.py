"""The trained part of USE: level fusion (LLN with scales) and the segment head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from model.embedders.geometry import PLACES
from model.weights.quantisation import quantised, restored
from model.weights.tensor_file import fitting, network_file

CLASSES = 1000
TEXT_WIDTH = 512
_PLACES_WITHOUT_FIT = 19  # of heads from before masks had told how well they fit
WHOLE_DOUBT = 0.5  # of a whole photo: no mask vouches for it, and none is badly drawn
SHARPNESS = 2.0  # of the classifier's probabilities; trained on single things, it doubts scenes


class HeadMember(nn.Module):
    """One way from pooled features of all levels, the photo's global feature and the place to what
    a segment means.

    Each passes a linear layer and a layer norm and is added with a learned scale; the global
    feature is the photo's mean over the last level. Pooling came first: the masks are applied to
    the trunk's maps, and the fusion to one vector a segment.

    What the trunk's own classifier says of the segment is added at the end, as the mean of its
    classes' names in the sentence space, with a learned weight: so words are found that nobody
    annotated.

    Args:
        levels, width, dimension, dropout, places: arguments of `SegmentHead`.
    """

    def __init__(
        self, levels: Sequence[int], width: int, dimension: int, dropout: float, places: int
    ) -> None:
        super().__init__()
        sizes = [*levels, levels[-1], places]
        self.project = nn.ModuleList(nn.Linear(channels, width) for channels in sizes)
        self.norm = nn.ModuleList(nn.LayerNorm(width) for _ in sizes)
        self.scales = nn.Parameter(torch.ones(len(sizes)) / len(sizes) ** 0.5)
        self.drop = nn.Dropout(dropout)
        self.widen = nn.Linear(width, 2 * width)
        self.embed = nn.Linear(2 * width, dimension)
        self.gate = nn.Linear(2 * width, 1)
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)

    def forward(self, parts: Sequence[Tensor], named: Tensor) -> Tensor:
        """N×dimension unit rows, float32.

        Args:
            parts: features of N segments (the global feature may be one row for all), one tensor
                for each layer of `project`.
            named: N×dimension unit rows, the mean name of the classes that are seen.
        """
        fused = torch.zeros((), dtype=parts[0].dtype, device=parts[0].device)
        for part, project, norm, scale in zip(
            parts, self.project, self.norm, self.scales, strict=True
        ):
            fused = fused + scale * norm(project(part))
        hidden = functional.gelu(self.widen(self.drop(fused)))
        own = functional.normalize(self.embed(self.drop(hidden)).float(), dim=1)
        return functional.normalize(own + self.gate(hidden).float().exp() * named, dim=1)


class SegmentHead(nn.Module):
    """Pooled features of all levels, the photo's global feature and the place, to unit vectors.

    One or several members look at them, each by weights of its own, and the mean of what they say
    is what the segment means. They share the side of texts, so the cosine with a text is, but for
    a length, the mean of theirs: chance, which moves a trained head by as much as settings do,
    counts less, and a vector is as long as one member's.

    Args:
        levels: channels of the pooled levels, side by side in the input.
        width: width of the fused feature.
        dimension: dimension of the sentence space.
        dropout: share of fused features dropped in training.
        classes: number of classes that the trunk's classifier knows.
        places: number of columns of `model.embedders.geometry` that are used, the first ones.
        members: number of members.

    Attributes:
        names: classes×dimension unit rows, the names of the classes.
        common: dimension, what all texts have in common, times how much doubt counts: a mask is
            drawn away from it as far as it is not thought to fit, so of two masks of one thing
            the better one comes first, whatever is asked. A whole photo is drawn half as far as the
            worst mask, so it stays behind a mask that fits, and before one that does not.
    """

    names: Tensor
    common: Tensor

    def __init__(
        self,
        levels: Sequence[int],
        width: int,
        dimension: int,
        dropout: float = 0.0,
        classes: int = CLASSES,
        places: int = PLACES,
        members: int = 1,
    ) -> None:
        super().__init__()
        self.levels = tuple(levels)
        self.width = width
        self.dimension = dimension
        self.places = places
        self.members = nn.ModuleList(
            HeadMember(self.levels, width, dimension, dropout, places) for _ in range(members)
        )
        self.narrow_text = nn.Linear(dimension, TEXT_WIDTH)
        self.widen_text = nn.Linear(TEXT_WIDTH, dimension)
        nn.init.zeros_(self.widen_text.weight)
        nn.init.zeros_(self.widen_text.bias)
        self.register_buffer("names", torch.eye(classes, dimension))
        self.register_buffer("common", torch.zeros(dimension))

    def forward(self, pooled: Tensor, whole: Tensor, places: Tensor, scores: Tensor) -> Tensor:
        """N×dimension unit rows, float32.

        Args:
            pooled: N×sum(levels) pooled features.
            whole: N×levels[-1] or 1×levels[-1], the last level's mean over each segment's photo.
            places: N×20, as of `model.embedders.geometry`.
            scores: N×classes, the classifier's logits of each segment.
        """
        said = self.by_member(pooled, whole, places, scores)
        meaning = functional.normalize(said.sum(dim=0), dim=1)
        fit = places[:, -1:].float()
        doubt = torch.where(fit > 0, 1 - fit, WHOLE_DOUBT)
        return functional.normalize(meaning - doubt * self.common.float(), dim=1)

    def by_member(self, pooled: Tensor, whole: Tensor, places: Tensor, scores: Tensor) -> Tensor:
        """members×N×dimension unit rows, float32, before any doubt; arguments as of `forward`."""
        parts = [*torch.split(pooled, list(self.levels), dim=1), whole, places[:, : self.places]]
        named = functional.normalize(
            torch.softmax(SHARPNESS * scores.float(), dim=1) @ self.names.float(), dim=1
        )
        return torch.stack([member(parts, named) for member in self.members])

    def texts(self, sentences: Tensor) -> Tensor:
        """N×dimension unit rows: sentences' unit rows, turned a little towards what is seen.

        What is added to them is learned, and nothing before training.
        """
        added = self.widen_text(functional.gelu(self.narrow_text(sentences)))
        return functional.normalize(sentences + added, dim=1)

    def save(self, path: Path) -> None:
        """Write the weights (matrices as int8 with a scale a row) and the shape to a safetensors
        file."""
        shape = {
            "levels": ",".join(map(str, self.levels)),
            "width": str(self.width),
            "dimension": str(self.dimension),
            "classes": str(len(self.names)),
            "places": str(self.places),
            "members": str(len(self.members)),
        }
        save_file(quantised(self.state_dict()), path, metadata=shape)

    @classmethod
    def load(cls, path: Path) -> SegmentHead:
        """The head in a safetensors file, in float32, ready to use.

        Raises:
            WeightsMismatch: the file holds no segment head.
        """
        with network_file(
            path,
            "the weights of a segment head",
            "reinstall segsearch, or train the head again (segsearch train recipes/use.toml)",
        ) as (shape, tensors):
            if "members" not in shape:
                tensors = _as_member(tensors)
            head = fitting(
                lambda: cls(
                    [int(channels) for channels in shape["levels"].split(",")],
                    int(shape["width"]),
                    int(shape["dimension"]),
                    classes=int(shape["classes"]),
                    places=int(shape.get("places", _PLACES_WITHOUT_FIT)),
                    members=_counted(shape, tensors),
                ),
                tensors,
            )
            head.load_state_dict({"common": head.common} | restored(tensors))
        return head.eval().requires_grad_(False)


def _as_member(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of a head from before there were members: all but these belong to its only one."""
    shared = ("narrow_text.", "widen_text.", "names", "common")
    renamed = {"scale": "scales"}  # what ends with ".scale" are scales of bytes
    return {
        name if name.startswith(shared) else f"members.0.{renamed.get(name, name)}": values
        for name, values in tensors.items()
    }


def _counted(shape: Mapping[str, str], tensors: Mapping[str, Tensor]) -> int:
    """Number of members, as the file tells it.

    Raises:
        ValueError: the file holds another number.
    """
    told = int(shape.get("members", 1))
    held = len({name.split(".")[1] for name in tensors if name.startswith("members.")})
    if told != held:
        raise ValueError(f"it tells of {told} members, and holds {held}")
    return told

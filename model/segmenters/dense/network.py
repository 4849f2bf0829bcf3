"""The neck and the dense head as one network, and its file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor, nn

from model.segmenters.dense.head import DenseHead, DenseProposals
from model.segmenters.neck import Neck, folded
from model.weights.tensor_file import fitting, network_file

FIRST_SIDE = 448  # of files that do not tell theirs


class DenseNetwork(nn.Module):
    """Network from the trunk's maps to every cell's proposals.

    Args:
        channels: channels of the trunk's maps at strides 4, 8, 16 and 32.
        width: width of the neck at strides 8 to 32.
        fine: width of the neck at stride 4.
        prototypes: number of prototypes that masks are mixed from.
        side: pixels of the photo's longer side, as the trunk is to look at it.
    """

    def __init__(
        self,
        channels: Sequence[int],
        width: int = 96,
        fine: int = 64,
        prototypes: int = 48,
        side: int = FIRST_SIDE,
    ) -> None:
        super().__init__()
        self.side = side
        self.shape = {
            "channels": ",".join(map(str, channels)),
            "width": str(width),
            "fine": str(fine),
            "prototypes": str(prototypes),
            "side": str(side),
        }
        self.neck = Neck(channels, width, fine)
        self.head = DenseHead(width, fine, prototypes)

    def forward(self, maps: Sequence[Tensor]) -> list[DenseProposals]:
        """Proposals of each photo, from the trunk's maps, B×channels×h×w each."""
        proposals: list[DenseProposals] = self.head(self.neck(maps))
        return proposals

    def save(self, path: Path) -> None:
        """Write the weights (float16) and the shape to a safetensors file."""
        tensors = {
            name: value.half().contiguous()
            for name, value in self.state_dict().items()
            if not name.endswith("num_batches_tracked")
        }
        save_file(tensors, path, metadata=self.shape)

    @classmethod
    def load(cls, path: Path) -> DenseNetwork:
        """The network in a safetensors file, in float32, its norms folded: for inference.

        Raises:
            WeightsMismatch: the file holds no such network.
        """
        network = cls.read(path)
        folded(network.eval().requires_grad_(False))
        return network

    @classmethod
    def read(cls, path: Path) -> DenseNetwork:
        """The network in a safetensors file, in float32, as it was trained: to train it on.

        Raises:
            WeightsMismatch: the file holds no such network.
        """
        with network_file(
            path,
            "the weights of a dense segmenter",
            "reinstall segsearch, or train it again (segsearch train recipes/masks.toml)",
        ) as (shape, tensors):
            network = fitting(
                lambda: cls(
                    [int(count) for count in shape["channels"].split(",")],
                    int(shape["width"]),
                    int(shape["fine"]),
                    int(shape["prototypes"]),
                    int(shape.get("side", FIRST_SIDE)),
                ),
                tensors,
            )
            unknown = network.load_state_dict(
                {key: value.float() for key, value in tensors.items()}, strict=False
            )
            missing = [key for key in unknown.missing_keys if not key.endswith("tracked")]
            if missing or unknown.unexpected_keys:
                raise KeyError(*missing, *unknown.unexpected_keys)
        return network

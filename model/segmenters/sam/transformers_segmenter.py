"""The segmenter of SAM and its kin as transformers has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from model.devices import chosen_dtype, named_device
from model.segmenters.sam.segmenter import PointGridSegmenter


class TransformersSegmenter(PointGridSegmenter):
    """SAM, SAM 2, SAM-HQ, EdgeTAM or SAM 3 from a folder as the hub has it.

    Args:
        folder: folder with `config.json` and the weights as safetensors.
        side: the working frame's longer side, pixels.
        precision: number format of the arithmetic, one of `model.devices.PRECISIONS`.
        device: "auto", or where torch shall run.
        settings: settings of `MaskGenerator`, by their names.

    Raises:
        WeightsMissing, WeightsMismatch: the folder is not there, or holds no such model.
        DeviceMissing: the device is not on this machine.
        ValueError: a setting has no meaning.
    """

    def __init__(
        self,
        folder: Path,
        side: int = 1024,
        precision: str = "auto",
        device: str = "auto",
        **settings: Any,
    ) -> None:
        from model.segmenters.sam.networks.transformers_sam import load_promptable

        place = named_device(device)
        model = load_promptable(folder, chosen_dtype(precision, place), place)
        super().__init__(model, side, **settings)

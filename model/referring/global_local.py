"""Global-Local CLIP: each segment seen within its photo, and alone (papers.md §B).

Yu et al., CVPR 2023, arXiv 2303.17811, as its authors' code does it, with blurred backgrounds and
HybridGL's fusion as variants. The image side is that of any CLIP; nothing is trained.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from model.encoders.clip_weights import ClipNetwork
from model.errors import PresetInvalid
from model.masks.coverage import coverage
from model.masks.segments import Segments
from model.photos.images import Image
from model.referring.masked_vision import BATCH, ClassTokens, masked_vision
from model.referring.segment_pictures import SegmentPictures
from model.referring.settings import Background, GlobalLocalSettings
from model.referring.view_fusion import fused


class GlobalLocal:
    """f = α f^G + (1 − α) f^L of segments, or the two fused, and texts to compare them with.

    Args:
        clip: network with both sides.
        settings: shares, backgrounds and blocks.

    Attributes:
        pictures: pictures of segments that the network is shown.
        masked: the image side as it sees through masks.
        normalised: whether features and texts are brought to length 1 before they are mixed, as
            those of ResNets are.

    Raises:
        PresetInvalid: the image side is of no known kind, or cannot be fused.
    """

    def __init__(self, clip: ClipNetwork, settings: GlobalLocalSettings | None = None) -> None:
        self._clip = clip
        self._settings = settings or GlobalLocalSettings()
        self.pictures = SegmentPictures(clip)
        self.masked = masked_vision(clip, self._settings.last)
        self.normalised = self.masked.normalised
        if self._settings.fusion != "none" and not isinstance(self.masked, ClassTokens):
            raise PresetInvalid(
                "this CLIP has no class token, which a fusion of views reads",
                "choose an architecture like ViT-B-16, or no fusion",
            )

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the map that masks are laid on."""
        cells = self.pictures.side // self.masked.patch
        return cells, cells

    @torch.inference_mode()
    def features(self, image: Image, segments: Segments) -> Tensor:
        """N×D features of a photo's segments, of any length, in the network's format."""
        chosen, cover = self._settings, coverage(segments, self.grid)
        if chosen.fusion != "none":
            assert isinstance(self.masked, ClassTokens)
            local = self.pictures.frames(image, segments, self._local_background)
            within = self.pictures.frames(image, segments, "blurred")
            return fused(self.masked, local, within, cover, chosen.fusion)
        if chosen.blurred in ("global", "both"):
            whole = self.pictures.frames(image, segments, "blurred")
        else:
            whole = self.pictures.whole(image)
        seen = self.masked.features(whole, cover)
        parts = self.pictures.crops(image, segments, self._local_background)
        visual = self._clip.network.visual
        alone = torch.cat([visual(p) for p in torch.split(parts, BATCH) if len(p)] or [seen])
        if self.normalised:
            seen, alone = functional.normalize(seen, dim=1), functional.normalize(alone, dim=1)
        return chosen.alpha * seen + (1 - chosen.alpha) * alone

    @torch.inference_mode()
    def texts(self, texts: Sequence[str]) -> Tensor:
        """T×D texts in lower case, without templates: of any length, or of 1 (`normalised`)."""
        tokens = self._clip.tokenizer([text.lower() for text in texts]).to(self._clip.device)
        encoded: Tensor = self._clip.network.encode_text(tokens)
        return functional.normalize(encoded, dim=1) if self.normalised else encoded

    @property
    def _local_background(self) -> Background:
        return "blurred" if self._settings.blurred in ("local", "both") else self._settings.fill

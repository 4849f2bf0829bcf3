"""Features of the frozen networks, kept on the disk: what proposals for words are learned from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from model.encoders.efficientnet import EfficientNetTrunk
from model.photos.images import content_hash, read_image
from model.proposals.seen_photo import SeenPhotos, seen_photos
from model.segmenters.promptable.frame import framed
from model.segmenters.promptable.network import PromptedSam
from model.training.loop.feature_store import Features, FeatureStore, tower_fingerprint


class PhotoFeatures:
    """Store of what the promptable network sees of photos.

    Args:
        folder: folder for the caches of all towers.
        network: frozen promptable network, in evaluation mode.
        trunk: frozen trunk of that network.
    """

    def __init__(self, folder: Path, network: PromptedSam, trunk: EfficientNetTrunk) -> None:
        self._network = network
        side = network.image_encoder.img_size
        tower = tower_fingerprint(network.image_encoder, f"proposals {side} {trunk.fingerprint}")
        self._store = FeatureStore(folder, tower)
        self._hash: dict[Path, bytes] = {}

    def make(self, photos: Sequence[Path], tell: Callable[[str], None]) -> None:
        """Look at all photos that are not known yet."""
        for number, photo in enumerate(photos):
            self.of(photo)
            if (number + 1) % 500 == 0:
                tell(f"features: {number + 1:,} of {len(photos):,} photos")
        tell(str(self._store.holdings()))

    def of(self, photo: Path) -> SeenPhotos:
        """One photo (B = 1), from the disk or looked at.

        Raises:
            PhotoError: the photo cannot be read.
        """
        if photo not in self._hash:
            self._hash[photo] = content_hash(photo)
        kept = self._store.features(self._hash[photo], lambda: self._look(photo))
        return SeenPhotos(
            torch.from_numpy(kept["embedding"]).float()[None],
            torch.from_numpy(kept["deep"]).float()[None],
        )

    def _look(self, photo: Path) -> Features:
        pixels = framed(read_image(photo).pixels, self._network.image_encoder.img_size)
        seen = seen_photos(self._network, pixels[None])
        return {"embedding": seen.embedding[0].numpy(), "deep": seen.deep[0].numpy()}

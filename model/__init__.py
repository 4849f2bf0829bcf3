"""What does this photo show? Segmenters, encoders and the universal segment embedding."""

from model.embedder import Embedder
from model.embeddings import Embeddings, EmbeddingSpace
from model.errors import SegsearchError
from model.masks.segments import Segments
from model.photos.images import Image, read_image
from model.presets.preset import Models, Preset, load_preset, preset_names
from model.segmenter import Segmenter

__all__ = [
    "Embedder",
    "EmbeddingSpace",
    "Embeddings",
    "Image",
    "Models",
    "Preset",
    "Segmenter",
    "Segments",
    "SegsearchError",
    "load_preset",
    "preset_names",
    "read_image",
]

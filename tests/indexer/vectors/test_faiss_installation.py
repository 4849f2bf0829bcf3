import builtins
from collections.abc import Iterator
from importlib import metadata
from types import SimpleNamespace
from typing import Any

import pytest

from indexer.vectors.faiss_installation import faiss_installation, gpus, load_faiss
from model.errors import ExtraMissing


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Pretend that these wheels are installed, and that importing FAISS raises this."""

    def pretend(*wheels: str, error: Exception | None = None) -> None:
        load_faiss.cache_clear()

        def version(name: str) -> Any:
            if name in wheels:
                return "1.0"
            raise metadata.PackageNotFoundError(name)

        real = builtins.__import__

        def importing(name: str, *arguments: Any, **more: Any) -> Any:
            if name == "faiss" and error is not None:
                raise error
            return real(name, *arguments, **more)

        monkeypatch.setattr(metadata, "version", version)
        monkeypatch.setattr(builtins, "__import__", importing)

    yield pretend
    load_faiss.cache_clear()


def test_one_that_works(installed: Any) -> None:
    installed("faiss-cpu")
    installation = faiss_installation()
    assert installation.problems == ()
    assert installation.description.startswith("FAISS 1.")


@pytest.mark.parametrize(
    ("wheels", "error", "message"),
    [
        (
            (),
            ModuleNotFoundError("No module named 'faiss'"),
            r'no FAISS is installed: run `pip install "segsearch\[cpu\]"`',
        ),
        (
            ("faiss-cpu", "faiss-gpu"),
            None,
            "both installed and overwrite each other: run `pip uninstall -y faiss-cpu faiss-gpu`",
        ),
        (
            ("faiss-gpu",),
            RuntimeError("libcublas.so.12:\n install nvidia-cublas-cu12"),
            r"faiss-gpu is installed but does not load"
            r" \(libcublas.so.12: install nvidia-cublas-cu12\)"
            r': run `pip uninstall -y faiss-gpu`, then .*"segsearch\[gpu\]"',
        ),
        # what is left after one of two wheels was uninstalled
        (
            ("faiss-cpu",),
            ModuleNotFoundError("No module named 'faiss'"),
            r'faiss-cpu is installed but does not load .*"segsearch\[cpu\]"',
        ),
    ],
)
def test_every_way_to_have_none_says_what_to_do(
    installed: Any, wheels: Any, error: Exception, message: Any
) -> None:
    installed(*wheels, error=error)
    with pytest.raises(ExtraMissing, match=message) as caught:
        load_faiss()
    assert "\n" not in str(caught.value)
    assert faiss_installation().problems == (str(caught.value),)


def test_gpus_are_counted_only_where_faiss_knows_gpus() -> None:
    assert gpus(SimpleNamespace(get_num_gpus=lambda: 4)) == 0
    assert gpus(SimpleNamespace(get_num_gpus=lambda: 4, StandardGpuResources=object)) == 4

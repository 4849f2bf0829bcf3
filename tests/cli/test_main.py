import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import typer.main
from command_line import Run

from cli.app import app
from model import presets

VERBS = sorted(typer.main.get_command(app).commands)
COMMANDS = {
    f"{verb} {part}".strip(): leaf
    for verb, command in typer.main.get_command(app).commands.items()
    for part, leaf in getattr(command, "commands", {"": command}).items()
}
README = (Path(__file__).resolve().parent.parent.parent / "README.md").read_text()


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv=['segsearch','--help']\n"
        "from cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch','numpy','sqlalchemy','faiss','PIL'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(verb in done.stdout for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_told_in_its_help_and_in_the_readme(run: Run, verb: str) -> None:
    done = run(verb, "--help")
    assert done.code == 0
    assert f"segsearch {verb}" in README
    assert typer.main.get_command(app).commands[verb].help


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_help(name: str) -> None:
    assert COMMANDS[name].help
    for parameter in COMMANDS[name].params:
        if parameter.name != "help":
            assert parameter.help, f"{name} {parameter.name} has no help"


def test_options_named_in_the_readme_exist() -> None:
    known = {
        option
        for command in COMMANDS.values()
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)) - {"--help"}
    assert named <= known, named - known


@pytest.mark.parametrize(("named", "expected"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_wait_without_taking_a_core_unless_asked_to(
    named: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if named:
        monkeypatch.setenv("OMP_WAIT_POLICY", named)
    code = (
        "import os, sys; sys.argv=['segsearch','--version']\n"
        "from cli.main import main\n"
        "try: main()\n"
        "finally: print(os.environ['OMP_WAIT_POLICY'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == expected


def test_version_is_told(run: Run) -> None:
    assert re.fullmatch(r"segsearch \d+\.\d+\.\d+\n", run("--version").out)


def test_status_is_told(run: Run, golden: Callable[[str, str], None], indexed: Path) -> None:
    done = run("status", "--index", indexed)
    assert done.code == 0
    golden("status.out", done.out)
    document = json.loads(run("status", "--index", indexed, "--json").out)
    assert (document["photos"], document["coverage"]) == (3, 0.75)


def test_doctor_examines_and_ends_with_1_if_there_is_a_problem(
    run: Run, indexed: Path, tmp_path: Path
) -> None:
    import shutil

    well = run("doctor", "--index", indexed, "--json")
    assert well.code == 0, well.out
    assert json.loads(well.out)["healthy"]
    copy = shutil.copytree(indexed, tmp_path / "copy")
    (copy / "vectors.faiss").write_bytes(b"")
    assert run("doctor", "--index", copy).code == 1
    assert run("doctor", "--index", copy, "--fix").code == 0
    assert run("doctor", "--index", copy).out.endswith("all is well\n")


def test_a_reader_that_leaves_is_no_error(indexed: Path) -> None:
    command = f"{sys.executable} -m cli.main search --batch /dev/stdin --index {indexed} | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"yes red | head -200 | {command}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert done.stderr == ""


def test_an_interrupt_ends_with_130(indexed: Path) -> None:
    import signal

    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "search", "--batch", "-", "--index", str(indexed)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("red\n")
    process.stdin.flush()
    assert process.stdout.readline()
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.count("\n") == 1


def test_no_escape_sequence_reaches_a_terminal(run: Run, photos: Path, tmp_path: Path) -> None:
    evil = "\x1b]0;owned\x07\n\x9b31m"
    preset = tmp_path / f"a{evil}.toml"
    colours = Path(presets.__file__).parent / "colours.toml"
    text = colours.read_text().replace('"colours"', json.dumps(f"a{evil}"))
    preset.write_text(f'{text}\n[weights."r\\u001b[1m"]\nfile = "w\\u001b[2m.safetensors"\n')
    folder = tmp_path / f"photos{evil}"
    folder.mkdir()
    (folder / f"red{evil}.png").write_bytes((photos / "red.png").read_bytes())
    (folder / f"broken{evil}.png").write_bytes(b"\x89PNG\r\n\x1a\nnot")
    index = tmp_path / f"index{evil}"
    for command in (
        ("index", folder, "--index", index, "--preset", "colours"),
        ("status", "--index", index),
        ("search", "red", "--index", index),
        ("export", "--all", "--index", index, "-o", tmp_path / f"out{evil}"),
        ("doctor", "--index", index),
        ("models", "list", preset),
        ("models", "verify", preset),
        ("models", "path", preset),
        ("models", "pull", preset, "--offline"),
    ):
        done = run(*command)
        told = done.out + done.err
        assert told, command
        assert not set(told) & set("\x1b\x07\x9b"), command

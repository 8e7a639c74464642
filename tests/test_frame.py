"""The frame holds: short files, imports that go one way, nothing tied to one machine."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAX_LINES = 600
TEXT = {"", ".py", ".pyi", ".md", ".toml", ".yaml", ".yml", ".cff", ".json", ".txt", ".cfg"}

# Directories that name one person's or one machine's disk, and hosts of package registries.
MACHINE_PATH = re.compile(r"(?<![\w.:/)\]])/(?:home|root|work|opt|Users|mnt|tmp|private)/[\w.]")
REGISTRY = re.compile(r"\b(?:pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|anaconda\.org)\b")


def project_files() -> list[Path]:
    """Files that are, or are about to be, under version control."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_is_too_long_to_read() -> None:
    folders = [ROOT / name for name in ("src", "tests", "benchmarks", "examples")]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in files
    }
    assert "src/glassgrad/errors.py" in lengths  # the walk saw the project
    assert {name: n for name, n in lengths.items() if n > MAX_LINES} == {}


def test_no_import_goes_up() -> None:
    # By module, not by script: the script need not be on the PATH of whoever runs the tests.
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    run = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 kept, 0 broken" in run.stdout


def test_nothing_is_tied_to_one_machine() -> None:
    found = []
    for path in project_files():
        if path.suffix not in TEXT:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if MACHINE_PATH.search(line) or REGISTRY.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert found == []


@pytest.mark.parametrize(
    "line", ["cd /ho" + "me/ada/src", "see '/ro" + "ot/.venv'", "(/tm" + "p/x)"]
)
def test_a_machine_path_is_recognised(line: str) -> None:
    assert MACHINE_PATH.search(line)


@pytest.mark.parametrize("line", ["a /work", "https://host/home/page", "x[0]/tmp/y", "./opt/z"])
def test_other_slashes_are_left_alone(line: str) -> None:
    assert not MACHINE_PATH.search(line)

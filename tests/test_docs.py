"""Every code block of the README, the docs and CONTRIBUTING is run."""

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page):
    return BLOCK.findall(page.read_text(encoding="utf-8"))


@pytest.fixture
def gates_put_back():
    """A page may declare a gate; other tests must not see it."""
    import glassgrad.gates.special  # noqa: F401  else a page may declare them, and they are gone after it
    from glassgrad.gates.declare import FUNCTIONS, OPS

    before = dict(FUNCTIONS), dict(OPS)
    yield
    for table, old in zip((FUNCTIONS, OPS), before, strict=True):
        for key in set(table) - set(old):
            del table[key]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_python_blocks_run(page, gates_put_back, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where they may write files
    namespace = {"__name__": "page"}
    # The blocks of a page are one program, kept in a file so that source lines can be found.
    file = tmp_path / f"{page.stem}.py"
    file.write_text("\n".join(text for kind, text in blocks(page) if kind == "python"))
    exec(compile(file.read_text(), str(file), "exec"), namespace)
    assert all(kind in ("python", "text", "console") for kind, _ in blocks(page))


def test_console_blocks_run():
    for page in PAGES:
        for kind, text in blocks(page):
            for line in text.splitlines() if kind == "console" else ():
                words = shlex.split(line.removeprefix("$ "))
                assert words[0] == "glassgrad"
                if words[1] == "play":
                    opens_a_page(words)
                    continue
                done = subprocess.run(
                    [sys.executable, "-m", *words], capture_output=True, text=True, check=False,
                    env=os.environ | {"PYTHONPATH": str(ROOT / "src")}, timeout=120,
                )  # fmt: skip
                assert done.returncode == 0, done.stderr


def opens_a_page(words):
    """A command that runs until Ctrl-C: on any port, and without a browser."""
    started = subprocess.Popen(
        [sys.executable, "-m", *words, "--no-browser", "--port", "0"], stdout=subprocess.PIPE,
        text=True, env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert started.stdout.readline().startswith("http://127.0.0.1:")
    started.send_signal(signal.SIGINT)
    started.communicate(timeout=60)
    assert started.returncode == 0


def test_text_blocks_of_the_readme_are_what_is_printed(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    import glassgrad as gg

    readme = blocks(ROOT / "README.md")
    file = tmp_path / "readme.py"
    file.write_text(readme[0][1])
    namespace = {}
    exec(compile(readme[0][1], str(file), "exec"), namespace)
    seen = gg.backprop(namespace["f"], 3, -4)
    table, code = [text for kind, text in readme if kind == "text"][:2]
    assert table.strip().split() == str(seen).split()
    assert code.strip() in seen.code


def test_a_new_elementwise_gate_takes_six_lines_and_nothing_else(gates_put_back):
    text = next(t for k, t in blocks(ROOT / "CONTRIBUTING.md") if k == "python")
    declaration = text.split("\n\n", 1)[1].strip()
    assert len(declaration.splitlines()) <= 6
    namespace = {}
    exec(text, namespace)
    import numpy as np

    import glassgrad as gg

    exprel = namespace["exprel"]

    def f(x):
        y = exprel(x)
        return np.sum(y * y)

    x = np.array([0.5, -1.0, 2.0])
    assert gg.check_grad(f, x) and gg.check_grad(f, x, order=2)
    gradient = gg.grad(f)
    assert np.array_equal(gradient(x), gradient(x))  # traced, then compiled
    seen = gg.backprop(f, x)
    assert "scipy.special.exprel(x)" in seen.code
    assert "slope of (exp(x) - 1) / x" in str(seen)


def test_the_pictures_of_the_documentation_are_what_is_drawn():
    """The two circuits of the notes among them; `python examples/pictures.py` draws them anew."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("pictures", ROOT / "examples" / "pictures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    drawn = module.drawn()
    assert sorted(p.name for p in module.FOLDER.iterdir()) == sorted(drawn)
    for name, text in drawn.items():
        assert (module.FOLDER / name).read_text(encoding="utf-8") == text, name
    shown = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert all(f"pictures/{name})" in shown for name in drawn)


NUMBER = re.compile(r"[-+]?\d[\d,]*(\.\d+)?(e[-+]?\d+)?")


def test_the_diagnosis_in_the_readme_is_what_is_printed(tmp_path):
    readme = blocks(ROOT / "README.md")
    at = next(
        n for n, (kind, text) in enumerate(readme) if kind == "python" and ".diagnose()" in text
    )
    file = tmp_path / "block.py"
    file.write_text(readme[at][1])
    import numpy as np

    import glassgrad as gg

    namespace = {"np": np, "gg": gg}
    exec(compile(readme[at][1], str(file), "exec"), namespace)
    assert readme[at + 1] == ("text", f"{namespace['found'][0]}\n")


def test_the_diagnosis_page_shows_what_is_printed(tmp_path, capsys):
    """Each block by itself, in one namespace; numbers may differ from machine to machine."""
    page = blocks(ROOT / "docs" / "diagnosis.md")
    namespace = {"__name__": "page"}
    shown = 0
    for n, (kind, text) in enumerate(page):
        if kind != "python":
            continue
        file = tmp_path / f"block_{n}.py"
        file.write_text(text)
        exec(compile(text, str(file), "exec"), namespace)
        told = re.sub(r" in block_\d+\.py", "", capsys.readouterr().out)
        if n + 1 < len(page) and page[n + 1][0] == "text" and "tangent" not in told:
            words = [
                NUMBER.sub("#", re.sub("[▁▂▃▄▅▆▇█]", "|", t)).split()
                for t in (told, page[n + 1][1])
            ]
            words = [[re.sub(r"\|+", "|", w) for w in each] for each in words]
            assert words[0] == words[1]
            shown += 1
    assert shown >= 11

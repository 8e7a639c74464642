"""What the command line does: look at a formula, or at a function in a file.

Reports go to standard output, one clear message about what went wrong to standard error.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import shutil
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

import glassgrad as gg
from glassgrad.cli import loading
from glassgrad.cli.arguments import all_named, arrange, fits
from glassgrad.cli.document import document
from glassgrad.errors import GlassgradError, ShapeError
from glassgrad.formula import Formula, FormulaError, parse

__all__ = ["app", "run"]

_RAISED, _REFUSED = 1, 2
_STANDARD_OUTPUT = Path("-")
_HELP = """Show the gradient of a formula, gate by gate, with its staged code and its proof.

\b
    glassgrad "(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)" x=3 y=-4
    glassgrad "q = x + y; q * z" x=-2 y=5 z=-4 --code
    glassgrad "sum((W @ x)**2)" "W=[[1,2],[3,4]]" "x=[1,-1]" --json
    glassgrad "-x*y" x=1 y=2 --picture
    glassgrad "max(x*y, z)" x=3 y=-4 z=2 --svg circuit.svg
    glassgrad "log(sum(exp(z)))" "z=[400, 1]" --diagnose
    glassgrad "max(x*y, z)" x=3 y=-4 z=2 --step
    glassgrad model.py:loss --args data.npz
    glassgrad play                              (a page in the browser; glassgrad play --help)

Exit status: 0 all right, 1 the gradient check failed or the function raised, 2 refused.
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"glassgrad {gg.__version__}")
        raise typer.Exit


@app.command(
    help=_HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
def look(
    formula: Annotated[
        str, typer.Argument(metavar="FORMULA", help="A formula, or FILE.py:FUNCTION.")
    ],
    values: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE", help="x=3, W=[[1,2],[3,4]]")
    ] = None,
    args: Annotated[
        str | None, typer.Option(metavar="FILE.npz", help="Values by name, from a file.")
    ] = None,
    code: Annotated[bool, typer.Option("--code", help="Only the staged code.")] = False,
    diagnosis: Annotated[
        bool, typer.Option("--diagnose", help="Only what is wrong with it, in words.")
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Everything as JSON; nan, inf and -inf are strings in it."),
    ] = False,
    picture: Annotated[
        bool, typer.Option("--picture", help="Only the circuit, drawn in characters.")
    ] = False,
    step: Annotated[
        bool, typer.Option("--step", help="Walk through it gate by gate, with the arrow keys.")
    ] = False,
    svg: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write the circuit as SVG; - prints it."),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also write it to a file: .html, .svg, or .png and .pdf with the extra pictures.",
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Compare with the numerical gradient.")
    ] = True,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Look at a formula or a function."""
    with _said_once(), _one_message(formula):
        with _own_output():
            function, given, keywords = _target(formula, values or [], args)
            seen = gg.backprop(function, *given, **keywords)
            proof = None
            if check and not (code or picture or step or diagnosis or svg == _STANDARD_OUTPUT):
                proof = gg.check_grad(function, *given, **keywords)
            if save is not None:
                _written(save, lambda: seen.save(save))
            if svg is not None and svg != _STANDARD_OUTPUT:
                _written(svg, lambda: svg.write_text(seen.svg(), encoding="utf-8"))
        if step:
            _walk(seen)
            return
        if svg == _STANDARD_OUTPUT:
            report = seen.svg()
        elif picture:
            report = seen.picture(shutil.get_terminal_size((100, 24)).columns)
        elif code:
            report = seen.code.rstrip("\n")
        elif as_json:
            report = document(seen, proof, seen.diagnose() if diagnosis else None)
        elif diagnosis:
            report = str(seen.diagnose())
        else:
            report = f"{seen}\n\n{seen.code}" + (f"\n{proof}" if proof is not None else "")
    typer.echo(report.rstrip("\n"))
    if proof is not None and not proof:
        raise typer.Exit(_RAISED)


def _walk(seen: gg.Backprop) -> None:
    """Tell the story of an evaluation, a screen for each key."""
    from glassgrad.show.stepping import interactive, step_through

    if not interactive():
        for screen in step_through(seen):
            typer.echo(screen)
        return
    # The other screen of the terminal: what stood there before is back in the end.
    typer.echo("\x1b[?1049h\x1b[?25l", nl=False)
    try:
        for screen in step_through(seen, typer.getchar):
            typer.echo("\x1b[H\x1b[2J" + screen, nl=False)
    except (KeyboardInterrupt, EOFError):
        pass
    finally:
        typer.echo("\x1b[?25h\x1b[?1049l", nl=False)


def _written(path: Path, write: Callable[[], object]) -> None:
    """Write a file; say in one message why it cannot be written."""
    try:
        write()
    except OSError as error:
        raise loading.LoadError(f"cannot write {path}: {error.strerror}") from None


# -- what to look at -----------------------------------------------------------------------------


def _target(
    formula: str, values: list[str], args: str | None
) -> tuple[Callable[..., Any], list[Any], dict[str, Any]]:
    """The function to look at, and its arguments."""
    given: dict[str, Any] = {} if args is None else loading.arrays(args)
    path, colon, name = formula.rpartition(":")
    if colon and path.endswith(".py"):
        if not name.isidentifier():
            raise loading.LoadError(f"{name!r} is no name of a function: write model.py:loss")
        function = loading.function(path, name)
        given |= all_named(values)
        return function, *loading.call(function, given, _taken())
    if formula.endswith(".py") and Path(formula).is_file():
        raise loading.LoadError(f"say which function of {formula}: write {formula}:loss")
    parsed = parse(formula)
    given |= all_named(values)
    _fit(parsed, given)
    # By position: an input may have any name, such as that of an option of `backprop`.
    return parsed, [given[n] for n in parsed.names], {}


def _fit(parsed: Formula, given: dict[str, Any]) -> None:
    inputs = ", ".join(parsed.names)
    if not parsed.names:
        raise FormulaError("the formula has no inputs, so there is nothing to differentiate: "
                           "write for instance x * y")  # fmt: skip
    missing = [n for n in parsed.names if n not in given]
    if missing:
        raise FormulaError(f"no value for {', '.join(missing)}: the inputs are {inputs}; add "
                           f"{missing[0]}=...")  # fmt: skip
    fits(parsed, given)


@functools.cache
def _taken() -> frozenset[str]:
    """The names `backprop` and `check_grad` take for themselves."""
    return frozenset(
        n for f in (gg.backprop, gg.check_grad) for n in inspect.signature(f).parameters
    )


# -- what is said about it -----------------------------------------------------------------------


@contextlib.contextmanager
def _one_message(formula: str) -> Iterator[None]:
    """Say what went wrong in one message, and end with the status that fits."""
    try:
        yield
    except ShapeError as error:  # the function's own doing, said better than NumPy says it
        _fail(str(error), _RAISED)
    except GlassgradError as error:
        _fail(str(error), _REFUSED)
    except SystemExit:
        _fail(f"{formula} called sys.exit", _RAISED)
    except Exception as error:
        text = " ".join(str(error).split())
        _fail(f"the function raised {type(error).__name__}: {text}{_at(error, formula)}", _RAISED)


def _fail(message: str, status: int) -> None:
    typer.echo(f"glassgrad: {message}", err=True)
    raise typer.Exit(status)


def _at(error: Exception, formula: str) -> str:
    """Where in the user's formula or file it happened."""
    notes: list[str] = getattr(error, "__notes__", [])
    if notes:
        return f", {notes[0]}"
    file = formula.rpartition(":")[0]
    if isinstance(error, SyntaxError) and error.filename:
        return "" if f"line {error.lineno}" in str(error) else f", at {file}:{error.lineno}"
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__)
        if file and frame.filename == str(Path(file).resolve())
    ]  # fmt: skip
    return f", at {file}:{lines[-1]}" if lines else ""


@contextlib.contextmanager
def _own_output() -> Iterator[None]:
    """Keep standard output for the report: what the user's function prints goes the other way."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


@contextlib.contextmanager
def _said_once() -> Iterator[None]:
    """Each warning once, in one line, without the file it arose in."""
    said: set[str] = set()

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        text = str(message)
        if text not in said:
            said.add(text)
            typer.echo(f"glassgrad: warning: {text}", err=True)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def run() -> None:
    """Run the command line with the words it was given."""
    words, used, name = sys.argv[1:], app, "glassgrad"
    if words[:1] == ["play"]:
        from glassgrad.cli.play import app as used

        words, name = words[1:], "glassgrad play"
    command = typer.main.get_command(used)
    options = [o for o in command.params if o.param_type_name == "option"]
    flags = {
        n for o in options if getattr(o, "is_flag", False) for n in (*o.opts, *o.secondary_opts)
    }
    with_value = {n for o in options for n in o.opts} - flags
    used(arrange(words, flags, with_value), prog_name=name)

"""What the command line does: look at a formula, or at a function in a file."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import numpy as np
import typer

import glassgrad as gg
from glassgrad.cli import loading
from glassgrad.cli.formula import FormulaError, parse, parse_value
from glassgrad.errors import GlassgradError

__all__ = ["app", "run"]

_HELP = """Show the gradient of a formula, gate by gate, with its staged code and its proof.

\b
    glassgrad "(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)" x=3 y=-4
    glassgrad "q = x + y; q * z" x=-2 y=5 z=-4 --code
    glassgrad "sum((W @ x)**2)" "W=[[1,2],[3,4]]" "x=[1,-1]" --json
    glassgrad model.py:loss --args data.npz

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
    formula: Annotated[str, typer.Argument(help="A formula, or FILE.py:FUNCTION.")],
    values: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE", help="x=3, W=[[1,2],[3,4]]")
    ] = None,
    args: Annotated[
        str | None, typer.Option(help="The function's arguments by name, in an .npz file.")
    ] = None,
    code: Annotated[bool, typer.Option("--code", help="Only the staged code.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Everything as JSON; NaN and infinities as strings.")
    ] = False,
    check: Annotated[bool, typer.Option(help="Compare with the numerical gradient.")] = True,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Look at a formula or a function."""
    function, arguments = _target(formula, values or [], args)
    try:
        seen = gg.backprop(function, **arguments)
        if code:
            typer.echo(seen.code, nl=False)
            return
        proof = gg.check_grad(function, **arguments) if check else None
    except GlassgradError:
        raise
    except Exception as error:
        typer.echo(f"glassgrad: the function raised {type(error).__name__}: {error}", err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps(_document(seen, proof), indent=2, allow_nan=False))
    else:
        typer.echo(f"{seen}\n\n{seen.code}")
        if proof is not None:
            typer.echo(str(proof))
    if proof is not None and not proof:
        raise typer.Exit(1)


def _target(formula: str, values: list[str], args: str | None) -> tuple[Any, dict[str, Any]]:
    """The function to look at, and its arguments."""
    path, colon, name = formula.rpartition(":")
    if colon and path.endswith(".py") and name.isidentifier():
        if args is None:
            raise loading.LoadError("a function in a file needs its arguments: --args data.npz")
        function = loading.function(formula)
        return function, loading.arguments(function, args)
    parsed = parse(formula)
    given: dict[str, Any] = {}
    for each in values:
        name, sign, text = each.partition("=")
        if not sign:
            raise FormulaError(f"{each!r} gives no value: write name=value, such as x=3")
        given[name.strip()] = parse_value(text)
    if args is not None:
        given |= loading.arguments(parsed, args)
    missing = [n for n in parsed.names if n not in given]
    extra = [n for n in given if n not in parsed.names]
    if missing:
        raise FormulaError(f"no value for {', '.join(missing)}: add {missing[0]}=...")
    if extra:
        raise FormulaError(
            f"{', '.join(extra)} does not occur in the formula; its inputs are "
            f"{', '.join(parsed.names) or 'none'}"
        )
    return parsed, {n: given[n] for n in parsed.names}


def _document(seen: gg.Backprop, proof: Any) -> dict[str, Any]:
    return {
        "value": _json(seen.value),
        "gradients": {n: _json(g) for n, g in zip(seen.grads.keys(), seen.grads, strict=True)},
        "wires": [
            {
                "name": w.name, "statement": w.statement, "op": w.op, "shape": list(w.shape),
                "value": _json(w.value), "gradient": _json(w.gradient),
            }
            for w in seen.wires
        ],
        "code": seen.code,
        "check": None if proof is None else {"right": bool(proof), "says": str(proof)},
    }  # fmt: skip


def _json(value: Any) -> Any:
    """Numbers and lists; NaN and infinities, which JSON has not, as strings."""
    if value is None or isinstance(value, (bool, np.bool_)):
        return None if value is None else bool(value)
    if np.ndim(value):
        return [_json(v) for v in value]
    number = value.item() if isinstance(value, (np.ndarray, np.generic)) else value
    if isinstance(number, float) and not np.isfinite(number):
        return str(number)
    return number


def run() -> None:
    """Run the command line with one clear message for every refusal."""
    arguments = sys.argv[1:]
    if arguments and arguments[0].startswith("-") and len(arguments[0]) > 1:
        # A formula may begin with a minus; an option never holds what only formulas hold.
        if any(c in arguments[0] for c in "*/+( ") or arguments[0][1:2].isdigit():
            arguments.insert(0, "--")
            options = [a for a in arguments[2:] if a.startswith("--")]
            rest = [a for a in arguments[1:] if a not in options]
            arguments = [*options, "--", *rest]
    try:
        app(arguments, prog_name="glassgrad")
    except GlassgradError as error:
        typer.echo(f"glassgrad: {error}", err=True)
        sys.exit(2)

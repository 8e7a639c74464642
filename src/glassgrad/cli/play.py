"""``glassgrad play``: the words of the command, and what is said where it cannot start.

The page itself is `glassgrad.play`'s, whose packages are imported only here.
"""

from __future__ import annotations

from typing import Annotated

import typer

from glassgrad.cli.arguments import all_named, fits
from glassgrad.cli.loading import LoadError
from glassgrad.errors import GlassgradError
from glassgrad.formula import parse

__all__ = ["app"]

_REFUSED = 2
_HELP = """Open a page in the browser where formulas are typed and their circuits drawn.

\b
    glassgrad play
    glassgrad play "(x + y) * z" x=-2 y=5 z=-4
    glassgrad play --no-browser --port 8000

It listens on this machine alone. Inputs without a value begin as 1.
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command(
    help=_HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
def play(
    formula: Annotated[
        str | None, typer.Argument(metavar="FORMULA", help="What the page shows at first.")
    ] = None,
    values: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE", help="x=3, W=[[1,2],[3,4]]")
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes a free port.")
    ] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")
    ] = True,
) -> None:
    """Open the page."""
    try:
        given = _given(formula, values or [])
        try:
            from glassgrad.play.examples import Example
            from glassgrad.play.server import Server, serve
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if package not in ("starlette", "uvicorn"):
                raise
            raise LoadError(f"for the page, glassgrad needs {package}: "
                            "pip install 'glassgrad[play]'") from None  # fmt: skip
        first = None
        if formula is not None:
            first = Example("From the command line", "The formula given to it.", formula, given)
        serve(Server(first, port=port), browser, typer.echo)
    except GlassgradError as error:
        typer.echo(f"glassgrad: {error}", err=True)
        raise typer.Exit(_REFUSED) from None


def _given(formula: str | None, values: list[str]) -> dict[str, str]:
    """The texts of the values by name; refuses at once what the page could only refuse later."""
    if formula is None:
        return {}
    texts = [each.partition("=")[2] for each in values]
    given = dict(zip(all_named(values), texts, strict=True))
    fits(parse(formula), given)
    return given

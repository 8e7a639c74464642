"""Writing a record to a file; the ending says what kind.

SVG and HTML need nothing. PNG and PDF are made from SVG by vl-convert (extra ``pictures``).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from glassgrad.errors import UnsupportedError

__all__ = ["write"]

_SCALE = 2  # points of a PNG to one of the picture


def write(path: Path, svg: Callable[[], str], html: Callable[[], str]) -> None:
    """Write a picture or a page to a file as its ending says.

    Parameters
    ----------
    path : Path
    svg, html : callable
        Give the SVG document, and the HTML file; only the one that is needed is called.

    Raises
    ------
    UnsupportedError
        The ending is not known, or what it needs is not installed.
    """
    kind = path.suffix.lower()
    if kind in (".html", ".htm"):
        path.write_text(html(), encoding="utf-8")
        return
    if kind not in (".svg", ".png", ".pdf"):
        raise UnsupportedError(
            f"glassgrad cannot write {path.name}: the ending says the kind, which may be .html, "
            ".svg, .png or .pdf"
        )
    picture = svg()
    if kind == ".svg":
        path.write_text(picture, encoding="utf-8")
        return
    try:
        import vl_convert
    except ImportError:
        raise UnsupportedError(
            f"to write {path.name}, glassgrad needs vl-convert, which makes {kind[1:].upper()} "
            "from SVG: pip install 'glassgrad[pictures]' (.svg and .html need nothing)"
        ) from None
    if kind == ".png":
        path.write_bytes(vl_convert.svg_to_png(picture, scale=_SCALE))
    else:
        path.write_bytes(vl_convert.svg_to_pdf(picture))

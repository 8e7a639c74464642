"""Writing a record to a file; the ending says what kind.

SVG needs nothing. PNG and PDF are made from it by vl-convert (extra ``pictures``).
"""

from __future__ import annotations

from pathlib import Path

from glassgrad.errors import UnsupportedError

__all__ = ["write"]

_SCALE = 2  # points of a PNG to one of the picture


def write(picture: str, path: Path) -> None:
    """Write an SVG picture to a file as its ending says.

    Parameters
    ----------
    picture : str
        The SVG document.
    path : Path
    """
    kind = path.suffix.lower()
    if kind == ".svg":
        path.write_text(picture, encoding="utf-8")
        return
    if kind not in (".png", ".pdf"):
        raise UnsupportedError(
            f"glassgrad cannot write {path.name}: the ending says the kind, which may be .svg, "
            ".png or .pdf"
        )
    try:
        import vl_convert
    except ImportError:
        raise UnsupportedError(
            f"to write {path.name}, glassgrad needs vl-convert, which makes {kind[1:].upper()} "
            "from SVG: pip install 'glassgrad[pictures]' (.svg needs nothing)"
        ) from None
    if kind == ".png":
        path.write_bytes(vl_convert.svg_to_png(picture, scale=_SCALE))
    else:
        path.write_bytes(vl_convert.svg_to_pdf(picture))

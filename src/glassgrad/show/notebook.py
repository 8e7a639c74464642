"""What a notebook shows of a record: the picture, with code and diagnosis to unfold; needs nothing.

The picture is an image inside the HTML, so that what cleans HTML (GitHub, exports) lets it through;
the same SVG and the text stand beside for those that want them.
"""

from __future__ import annotations

import base64
from html import escape

from glassgrad.microscope import Backprop
from glassgrad.show.table import table

__all__ = ["mimebundle"]


def mimebundle(record: Backprop) -> dict[str, str]:
    """A record by MIME type: ``image/svg+xml``, ``text/html``, ``text/plain``."""
    picture = record.svg()
    return {
        "image/svg+xml": picture, "text/html": _html(record, picture), "text/plain": table(record),
    }  # fmt: skip


def _html(record: Backprop, picture: str) -> str:
    data = base64.b64encode(picture.encode()).decode()
    name = escape(getattr(record.study.function, "__name__", "function"), quote=True)
    found = record.diagnose()
    more = _unfolds("staged code", record.code)
    if found:
        count = f"{len(found)} finding{'' if len(found) == 1 else 's'}"
        more = _unfolds(f"diagnosis: {count}", str(found)) + more
    return (
        f'<div><img alt="Circuit of {name}: the value and the gradient on every wire" '
        f'style="max-width:100%;height:auto" src="data:image/svg+xml;base64,{data}">{more}</div>'
    )


def _unfolds(title: str, text: str) -> str:
    return (f"<details><summary>{escape(title)}</summary>"
            f'<pre style="white-space:pre-wrap">{escape(text)}</pre></details>')  # fmt: skip

"""The page: one HTML file that holds a document and all that draws it, and asks nothing of a network.

`glassgrad.js` beside this file is what `web/` builds. A content security policy in the file lets
just the scripts in it run, each known by its hash, and lets nothing be fetched.
"""

from __future__ import annotations

import base64
import hashlib
import html as _html
import json
from importlib.resources import files
from typing import Any

__all__ = ["bundle", "html", "page"]


def bundle() -> str:
    """The page's program: one ES module."""
    return (files(__package__) / "glassgrad.js").read_text(encoding="utf-8")


def html(record: Any, theme: str = "light") -> str:
    """The whole file for one record.

    Parameters
    ----------
    record : Backprop
    theme : {"light", "dark"}
        How it looks at first; the page has a switch.

    Examples
    --------
    >>> import glassgrad as gg
    >>> text = html(gg.backprop(lambda x, y: x * y, 3.0, -4.0))
    >>> text[:15], "http://" in text.replace("http://www.w3.org/", "")
    ('<!doctype html>', False)
    """
    from glassgrad.show.document import document

    return page(document(record), record.svg(theme=theme), theme)


def page(document: dict[str, Any], picture: str, theme: str = "light") -> str:
    """The file of a document; `picture` is the SVG that stands there where no script runs."""
    data = json.dumps(document, separators=(",", ":"), allow_nan=False)
    data = data.replace("<", "\\u003c")  # nothing in it can end the element it stands in
    program = bundle()
    scripts = [program]
    found = document["script"]
    if found is not None:
        # A page with this policy may not make functions of texts, so the circuit is a script, too.
        scripts.insert(
            0, f"globalThis.glassgradEvaluate=(()=>{{\n{found['text']}\nreturn evaluate;}})();"
        )
    hashes = " ".join(f"'sha256-{_hash(s)}'" for s in scripts)
    policy = (f"default-src 'none'; script-src {hashes}; img-src data:; "
              "base-uri 'none'; form-action 'none'")  # fmt: skip
    title = _html.escape(f"{document['name']}: circuit, values, gradients")
    return (
        f'<!doctype html>\n<html lang="en" data-theme="{theme}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{title}</title>\n<link rel="icon" href="data:,">\n</head>\n<body>\n'
        f'<main id="glassgrad">\n{picture}</main>\n'
        f'<script type="application/json" id="glassgrad-data">{data}</script>\n'
        + "".join(f'<script type="module">{s}</script>\n' for s in scripts)
        + "</body>\n</html>\n"
    )


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

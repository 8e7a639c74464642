"""The page as a notebook widget (extra ``notebook``: anywidget), in Jupyter, VS Code and marimo.

It runs the same program as the HTML file. What cannot run it, such as an export without widgets,
gets the picture.
"""

from __future__ import annotations

from typing import Any

from glassgrad.errors import UnsupportedError
from glassgrad.microscope import Backprop, Theme

__all__ = ["widget"]


def widget(record: Backprop, theme: Theme | None = None) -> Any:
    """A widget that shows a record; `theme` None takes the notebook's.

    Raises
    ------
    UnsupportedError
        anywidget is not installed.
    """
    try:
        import anywidget
        import traitlets
    except ImportError:
        raise UnsupportedError(
            "a widget needs anywidget: pip install 'glassgrad[notebook]'; without it, the record "
            "itself shows its picture, and save('page.html') writes the page"
        ) from None
    from glassgrad.show.document import document
    from glassgrad.show.notebook import mimebundle
    from glassgrad.show.page import bundle

    class CircuitWidget(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
        _esm = bundle()
        document = traitlets.Dict().tag(sync=True)
        theme = traitlets.Unicode("").tag(sync=True)

        def _repr_mimebundle_(self, **kwargs: Any) -> Any:
            found = super()._repr_mimebundle_(**kwargs)
            data, *rest = found if isinstance(found, tuple) else (found,)
            both = {**(data or {}), **mimebundle(record)}
            return (both, *rest) if rest else both

    return CircuitWidget(document=document(record), theme=theme or "")

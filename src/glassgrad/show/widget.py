"""The page as a notebook widget (extra ``notebook``: anywidget), in Jupyter, VS Code and marimo.

It runs the same program as the HTML file. In front of it stands the record's picture, which the
widget hides where it runs; so there is a picture in exports, and in a notebook opened without its
kernel.
"""

from __future__ import annotations

import uuid
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
        from IPython.display import publish_display_data
    except ImportError:
        raise UnsupportedError(
            "a widget needs anywidget: pip install 'glassgrad[notebook]'; without it, the record "
            "itself shows its picture, and save('page.html') writes the page"
        ) from None
    publish: Any = publish_display_data  # IPython does not say of what types
    from glassgrad.show.document import document
    from glassgrad.show.notebook import mimebundle
    from glassgrad.show.page import bundle

    class CircuitWidget(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
        _esm = bundle()
        document = traitlets.Dict().tag(sync=True)
        theme = traitlets.Unicode("").tag(sync=True)
        picture = traitlets.Unicode("").tag(sync=True)  # the class of what it hides

        def _ipython_display_(self, **kwargs: Any) -> None:
            # Two outputs: of one output Jupyter shows the widget, or that it cannot, and no more.
            still = mimebundle(record)
            still["text/html"] = f'<div class="{self.picture}">{still["text/html"]}</div>'
            publish(still)
            shown: Any = super()._repr_mimebundle_()
            view, about = shown
            publish({**view, "text/plain": ""}, about)

    return CircuitWidget(
        document=document(record), theme=theme or "", picture=f"glassgrad-{uuid.uuid4().hex}"
    )

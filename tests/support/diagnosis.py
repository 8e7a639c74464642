"""What the tests of the diagnosis share: the line of a text, the one finding there is."""

import inspect


def line_of(function, text):
    """The line of a function's source that holds this text."""
    lines, start = inspect.getsourcelines(function)
    (found,) = [start + n for n, line in enumerate(lines) if text in line]
    return found


def only(diagnosis, kind):
    """The one finding there is, which has to be of this kind."""
    assert [f.kind for f in diagnosis] == [kind], str(diagnosis)
    return diagnosis[0]

"""The token in the link and the cookie it is exchanged for; nothing of HTTP but the cookie's text.

A token is good for one exchange, then the next one is made: a link stays in the browser's history and, while
the browser is being started, in the list of processes that all users of the machine can read. Used,
it opens nothing. The cookie lives as long as the server.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Iterable

__all__ = ["Keys"]


class Keys:
    """The secrets of one server.

    Attributes
    ----------
    token : str
        The one that is good now.
    renewed : callable
        Is told of each new token.

    Examples
    --------
    >>> keys = Keys(8000)
    >>> token = keys.token
    >>> keys.exchange(token), keys.exchange(token), keys.exchange(keys.token)
    (True, False, True)
    >>> keys.fits(["other=1; " + keys.cookie]), keys.fits(["glassgrad-8000=guessed"])
    (True, False)
    """

    def __init__(self, port: int) -> None:
        # Cookies know no ports: with its own name, two servers do not take each other's away.
        self._name = f"glassgrad-{port}"
        self._session = secrets.token_urlsafe(32)
        self.token = secrets.token_urlsafe(32)
        self.renewed: Callable[[], object] = lambda: None

    def exchange(self, token: str) -> bool:
        """Whether this is the token; if so, it has been used."""
        if not _same(token, self.token):
            return False
        self.token = secrets.token_urlsafe(32)
        self.renewed()
        return True

    @property
    def cookie(self) -> str:
        """Name and value."""
        return f"{self._name}={self._session}"

    def fits(self, cookies: Iterable[str]) -> bool:
        """Whether one of these cookie headers holds the cookie."""
        pairs = [pair.strip() for header in cookies for pair in header.split(";")]
        return any([_same(pair, self.cookie) for pair in pairs])


def _same(a: str, b: str) -> bool:
    return hmac.compare_digest(a.encode("utf-8", "surrogatepass"), b.encode())

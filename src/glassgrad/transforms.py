"""The public transforms: gradients of ordinary functions, each a few lines over the rooms below."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from glassgrad.runtime.gradient import Argnums, GradientFunction
from glassgrad.runtime.pullback import Pullback, make_pullback

__all__ = ["grad", "value_and_grad", "vjp"]


def value_and_grad(
    function: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False
) -> Callable[..., Any]:
    """Make a function that gives the value and the gradient of `function`.

    Parameters
    ----------
    function : callable
        An ordinary function of numbers and NumPy arrays that returns one real number.
    argnums : int, str or tuple of these
        Which arguments to differentiate, by position or by name.
    has_aux : bool
        `function` returns a pair ``(value, aux)``; ``aux`` is handed through.

    Returns
    -------
    callable
        Takes the arguments of `function`, gives ``(value, gradient)``, or
        ``((value, aux), gradient)``. The gradient has the structure, shapes and dtypes of the
        chosen argument; with a tuple of argnums it is a tuple.

    Raises
    ------
    NotScalarError
        At a call, if `function` does not return one number.
    NotDifferentiableError
        If something would cut the gradient in silence; the message names the line and the mend.

    Notes
    -----
    The reverse mode of automatic differentiation: Griewank and Walther, *Evaluating Derivatives*,
    2nd ed., SIAM 2008, chapter 3.

    Examples
    --------
    >>> import math
    >>> import glassgrad as gg
    >>> def f(x, y):
    ...     return x * math.exp(y)
    >>> gg.value_and_grad(f, argnums=(0, 1))(2.0, 0.0)
    (2.0, (1.0, 2.0))
    """
    return GradientFunction(function, argnums, has_aux, value=True)


def grad(
    function: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False
) -> Callable[..., Any]:
    """Make a function that gives the gradient of `function`; see `value_and_grad`.

    With ``has_aux`` it gives ``(gradient, aux)``. Gradients of gradients work to any order.

    Examples
    --------
    >>> import glassgrad as gg
    >>> gg.grad(lambda x: x**3)(2.0)
    12.0
    >>> gg.grad(gg.grad(lambda x: x**3))(2.0)
    12.0
    """
    return GradientFunction(function, argnums, has_aux, value=False)


def vjp(function: Callable[..., Any], *args: Any) -> tuple[Any, Pullback]:
    """The value of `function`, and its pullback.

    Parameters
    ----------
    function : callable
        Returns a number, an array, or a nest of them.
    *args
        All differentiated.

    Returns
    -------
    value
        What ``function(*args)`` returns.
    pullback : callable
        ``pullback(dvalue)`` takes the upstream gradient, shaped like the value, and gives a tuple
        with the gradient of each argument. ``pullback.code`` is its staged code.

    Examples
    --------
    >>> import numpy as np
    >>> import glassgrad as gg
    >>> W, X = np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])
    >>> D, pullback = gg.vjp(lambda W, X: W.dot(X), W, X)
    >>> D
    array([[11.]])
    >>> dW, dX = pullback(np.array([[10.0]]))
    >>> dW
    array([[30., 40.]])
    """
    return make_pullback(function, args)

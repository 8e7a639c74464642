"""glassgrad: exact gradients of ordinary NumPy functions, and how they came about.

The public face::

    import glassgrad as gg

    gg.grad(f), gg.value_and_grad(f), gg.vjp(f, *args)   gradients
    gg.backprop(f, *args)                                the microscope
    gg.check_grad(f, *args)                              the proof
    gg.backprop(f, *args).diagnose()                     what is wrong, and the mend
    gg.watch(gradient)                                   gradients over training
    gg.explain(gradient, *args)                          how a call runs
    gg.stop_gradient(x)                                  a cut on purpose
"""

from glassgrad import errors, show
from glassgrad.check import check_grad
from glassgrad.gates import stop_gradient
from glassgrad.microscope import Backprop, backprop
from glassgrad.runtime.backend import backend
from glassgrad.runtime.explain import Explanation, explain
from glassgrad.transforms import grad, value_and_grad, vjp
from glassgrad.watching import watch

__version__ = "0.1.0"

show.install()

__all__ = [
    "Backprop",
    "Explanation",
    "__version__",
    "backend",
    "backprop",
    "check_grad",
    "errors",
    "explain",
    "grad",
    "stop_gradient",
    "value_and_grad",
    "vjp",
    "watch",
]

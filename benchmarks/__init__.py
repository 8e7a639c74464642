"""Value and gradient, side by side: glassgrad, hand-written NumPy, autograd, JAX and PyTorch.

`python -m benchmarks` runs every case in `benchmarks/cases`. Nothing here is imported by the
library, and this file imports nothing, so that `blas.py` can act before NumPy is loaded.
"""

"""What the numbers were measured on: processor and versions, never the machine's name."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from shutil import which

LIBRARIES = ("glassgrad", "numpy", "scipy", "llvmlite", "autograd", "jax", "torch", "casadi")
# Set by a user who shares the machine: libraries then keep to so many cores.
THREADS = ("GLASSGRAD_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def about() -> dict[str, object]:
    """Processor, cores, Python and library versions, the BLAS in use, how busy it is."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "system": platform.system(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "threads": {name: found for name in THREADS if (found := os.environ.get(name))},
        "compiler": _compiler(),
        "python": platform.python_version(),
        "blas": _blas(),
        "versions": {name: found for name in LIBRARIES if (found := _version(name))},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    named = {key.strip(): value.strip() for key, value in facts.items()}
    wide = [flag for flag in ("avx2", "avx512f") if flag in named.get("flags", "").split()]
    return " ".join([named.get("model name", platform.machine()), *(f"({w})" for w in wide[-1:])])


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _compiler() -> str | None:
    """The C compiler behind the compiled peers, if there is one."""
    if which("gcc") is None:
        return None
    words = ["gcc", "-dumpfullversion"]
    return (
        "gcc " + subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
    )


def _blas() -> str:
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return "not known (threadpoolctl is not installed)"
    import numpy as np

    np.ones((2, 2)) @ np.ones((2, 2))
    found = [
        f"{lib['internal_api']} {lib.get('version')} {lib.get('architecture', '')}".strip()
        for lib in threadpool_info()
        if lib["user_api"] == "blas"
    ]
    return ", ".join(dict.fromkeys(found)) or "not known"

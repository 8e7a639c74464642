"""Bundle adjustment: 10,000 points seen by 49 cameras, as squared errors of reprojection."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.case import Case, retarget

CAMERAS, POINTS, SEEN = 49, 2_500, 10_000


def error(cameras, points, weights, camera_of, point_of, seen):
    # A camera: turn (3), place (3), focal length, centre (2), radial distortion (2).
    camera = cameras[camera_of]
    turned = rotate(camera[:, :3], points[point_of] - camera[:, 3:6])
    flat = turned[:, :2] / turned[:, 2:]
    square = np.sum(flat**2, axis=1, keepdims=True)
    bent = flat * (1 + camera[:, 9:10] * square + camera[:, 10:] * square**2)
    projected = camera[:, 6:7] * bent + camera[:, 7:9]
    off = weights[:, None] * (projected - seen)
    return np.sum(off**2) + np.sum((1 - weights**2) ** 2)


def rotate(turn, X):
    """Rodrigues: about the axis along `turn`, by its length."""
    angle = np.sqrt(np.sum(turn**2, axis=1, keepdims=True))
    axis = turn / angle
    cos, sin = np.cos(angle), np.sin(angle)
    along = np.sum(axis * X, axis=1, keepdims=True)
    return X * cos + np.cross(axis, X) * sin + axis * (along * (1 - cos))


def _dot(a, b):
    return np.einsum("ij,ij->i", a, b)[:, None]


def _cross(a, b):
    ax, ay, az = a.T
    bx, by, bz = b.T
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=1)


def by_hand(cameras, points, weights, camera_of, point_of, seen):
    camera = cameras[camera_of]
    turn, X = camera[:, :3], points[point_of] - camera[:, 3:6]
    focal, centre, k1, k2 = camera[:, 6:7], camera[:, 7:9], camera[:, 9:10], camera[:, 10:]
    # One angle, sine and cosine a camera, not a point.
    angles = np.sqrt(_dot(cameras[:, :3], cameras[:, :3]))
    angle = angles[camera_of]
    cos, sin = np.cos(angles)[camera_of], np.sin(angles)[camera_of]
    axis = turn / angle
    along, across = _dot(axis, X), _cross(axis, X)
    turned = X * cos + across * sin + axis * (along * (1 - cos))
    flat = turned[:, :2] / turned[:, 2:]
    square = _dot(flat, flat)
    swell = 1 + (k1 + k2 * square) * square
    bent = flat * swell
    apart = focal * bent + centre - seen
    off = weights[:, None] * apart
    heavy = 1 - weights * weights
    value = np.vdot(off, off) + heavy.dot(heavy)

    dweights = 2 * _dot(off, apart)[:, 0] - 4 * weights * heavy
    dprojected = 2 * weights[:, None] * off
    dcamera = np.empty_like(camera)
    dcamera[:, 6:7] = _dot(dprojected, bent)
    dcamera[:, 7:9] = dprojected
    dbent = focal * dprojected
    dswell = _dot(dbent, flat)
    dcamera[:, 9:10] = dswell * square
    dcamera[:, 10:] = dswell * square * square
    dflat = swell * dbent + flat * (2 * dswell * (k1 + 2 * k2 * square))
    dturned = np.empty_like(turned)
    dturned[:, :2] = dflat / turned[:, 2:]
    dturned[:, 2:] = -_dot(dturned[:, :2], flat)
    # The turn back of the gradient is the point's; then axis and angle.
    back = _dot(axis, dturned)
    dX = dturned * cos + _cross(dturned, axis) * sin + axis * (back * (1 - cos))
    dangle = _dot(dturned, across * cos + (axis * along - X) * sin)
    daxis = sin * _cross(X, dturned) + (1 - cos) * (dturned * along + X * back)
    dcamera[:, :3] = (daxis - axis * _dot(axis, daxis)) / angle + axis * dangle
    dcamera[:, 3:6] = -dX
    dcameras = [np.bincount(camera_of, column, len(cameras)) for column in dcamera.T]
    dpoints = [np.bincount(point_of, column, len(points)) for column in dX.T]
    return value, (np.stack(dcameras, axis=1), np.stack(dpoints, axis=1), dweights)


def for_torch(torch: Any) -> Any:
    # `torch.cross` guesses its axis from the sizes; the others are as in NumPy.
    names = {name: getattr(torch, name) for name in ("sum", "sqrt", "cos", "sin")}
    return retarget(error, np=SimpleNamespace(cross=torch.linalg.cross, **names))


def data() -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    cameras = np.empty((CAMERAS, 11))
    cameras[:, :3] = rng.normal(size=(CAMERAS, 3)) * 0.2
    cameras[:, 3:6] = rng.normal(size=(CAMERAS, 3)) - [0, 0, 8]
    cameras[:, 6] = rng.uniform(0.8, 1.2, size=CAMERAS)
    cameras[:, 7:9] = rng.normal(size=(CAMERAS, 2)) / 10
    cameras[:, 9:] = rng.normal(size=(CAMERAS, 2)) / 100
    points = rng.normal(size=(POINTS, 3))
    weights = rng.uniform(0.5, 1.5, size=SEEN)
    camera_of = rng.integers(CAMERAS, size=SEEN)
    point_of = rng.integers(POINTS, size=SEEN)
    return cameras, points, weights, camera_of, point_of, rng.normal(size=(SEEN, 2)) / 5


CASE = Case(
    name="bundle",
    title=f"bundle adjustment, {SEEN:,} reprojections",
    model=error,
    data=data,
    argnums=(0, 1, 2),
    by_hand=by_hand,
    torch=for_torch,
)

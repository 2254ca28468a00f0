"""Bunge Euler angles and quaternions in numpy: what file readers and writers need.

Quaternions are (w, x, y, z), passive: the rotation matrix ``g`` of one takes sample to crystal coordinates,
``v_crystal = g v_sample``. They agree with the ``data`` of orix's ``Rotation``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

IDENTITY: Array = np.array([1.0, 0.0, 0.0, 0.0])


def quaternion_from_bunge(euler: ArrayLike) -> Array:
    """Turn Bunge angles into quaternions.

    Parameters
    ----------
    euler
        (..., 3) phi1, Phi, phi2 in radians, any range.

    Returns
    -------
    (..., 4) unit quaternions with w >= 0, passive.
    """
    angles = np.asarray(euler, dtype=np.float64)
    half_sum = 0.5 * (angles[..., 0] + angles[..., 2])
    half_difference = 0.5 * (angles[..., 0] - angles[..., 2])
    cos_tilt, sin_tilt = np.cos(0.5 * angles[..., 1]), np.sin(0.5 * angles[..., 1])
    quaternion = np.empty((*angles.shape[:-1], 4))
    quaternion[..., 0] = cos_tilt * np.cos(half_sum)
    quaternion[..., 1] = -sin_tilt * np.cos(half_difference)
    quaternion[..., 2] = -sin_tilt * np.sin(half_difference)
    quaternion[..., 3] = -cos_tilt * np.sin(half_sum)
    return positive(quaternion)


def bunge_from_quaternion(quaternion: ArrayLike) -> Array:
    """Turn quaternions into Bunge angles; phi2 = 0 where Phi is 0 or 180 degrees.

    Parameters
    ----------
    quaternion
        (..., 4) passive, of any length but zero.

    Returns
    -------
    (..., 3) phi1, Phi, phi2 in radians: [0, 2 pi), [0, pi], [0, 2 pi).
    """
    w, x, y, z = np.moveaxis(np.asarray(quaternion, dtype=np.float64), -1, 0)
    along, across = np.hypot(w, z), np.hypot(x, y)
    half_sum = np.arctan2(-z, w)
    half_difference = np.arctan2(-y, -x)
    tiny = 1e-9 * (along + across)
    half_difference = np.where(across <= tiny, half_sum, half_difference)
    half_sum = np.where(along <= tiny, half_difference, half_sum)
    turn = 2.0 * np.pi
    euler = np.stack(
        [
            np.mod(half_sum + half_difference, turn),
            2.0 * np.arctan2(across, along),
            np.mod(half_sum - half_difference, turn),
        ],
        axis=-1,
    )
    # a tiny negative angle comes out of the modulo as 2 pi itself
    euler[euler >= turn] = 0.0
    return euler


def multiply(left: ArrayLike, right: ArrayLike) -> Array:
    """Multiply quaternions, (..., 4) with (..., 4): the matrix of the product is the product of the matrices."""
    a, b, c, d = np.moveaxis(np.asarray(left, dtype=np.float64), -1, 0)
    e, f, g, h = np.moveaxis(np.asarray(right, dtype=np.float64), -1, 0)
    return np.stack(
        [
            a * e - b * f - c * g - d * h,
            a * f + b * e + c * h - d * g,
            a * g - b * h + c * e + d * f,
            a * h + b * g - c * f + d * e,
        ],
        axis=-1,
    )


def conjugate(quaternion: ArrayLike) -> Array:
    """Return the inverse rotations of unit quaternions (..., 4)."""
    return np.asarray(quaternion, dtype=np.float64) * np.array([1.0, -1.0, -1.0, -1.0])


def positive(quaternion: ArrayLike) -> Array:
    """Return the same rotations with w >= 0, (..., 4)."""
    data = np.asarray(quaternion, dtype=np.float64)
    return np.where(data[..., :1] < 0.0, -data, data)


def matrix_from_quaternion(quaternion: ArrayLike) -> Array:
    """Return the matrices ``g`` (..., 3, 3) of unit quaternions (..., 4); row i is crystal axis i in the sample."""
    w, x, y, z = np.moveaxis(np.asarray(quaternion, dtype=np.float64), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def rotate(quaternion: ArrayLike, vector: ArrayLike) -> Array:
    """Return ``g v``, (..., 3): vectors (..., 3) in sample coordinates brought to crystal coordinates."""
    return np.einsum("...ij,...j->...i", matrix_from_quaternion(quaternion), np.asarray(vector, dtype=np.float64))


def c_axis(quaternion: ArrayLike) -> Array:
    """Return the c-axes (..., 3), unit vectors in the sample frame of the quaternions (..., 4): third row of g."""
    w, x, y, z = np.moveaxis(np.asarray(quaternion, dtype=np.float64), -1, 0)
    return np.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], axis=-1)


def rotation_angle(left: ArrayLike, right: ArrayLike) -> Array:
    """Return the angle in degrees, [0, 180], between rotations (..., 4) without any crystal symmetry."""
    relative = multiply(left, conjugate(right))
    return np.degrees(2.0 * np.arctan2(np.linalg.norm(relative[..., 1:], axis=-1), np.abs(relative[..., 0])))

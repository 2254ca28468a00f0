"""How a registration may be asked for; importing this costs nothing."""

from __future__ import annotations

from typing import Literal

Method = Literal["auto", "rigid", "affine", "deformable", "none"]
METHODS: tuple[Method, ...] = ("auto", "rigid", "affine", "deformable", "none")

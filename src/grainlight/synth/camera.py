"""A polarized-light camera: from c-axes to the integer stack that a microscope would deliver."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from grainlight.optics.calibration.harmonics import design_matrix
from grainlight.optics.forward.material import MEAN_INDEX, TI750, Material, uniaxial
from grainlight.optics.forward.reflectance import harmonics
from grainlight.synth.blemish import (
    Size,
    draw_relief,
    draw_scratches,
    draw_smooth,
    draw_spots,
    draw_stain,
    gaussian_blur,
)
from grainlight.synth.instrument import draw_camera_field, draw_tiles, random_walk, shifted, turned_field

_OFFSET_SHARE = 0.01


@dataclass(frozen=True)
class CameraSettings:
    """Everything that decides how a section looks, apart from the section and the random draw.

    Parameters
    ----------
    angles
        Rotation angle of each frame [degrees]; images are delivered with the stage rotation undone.
    polarizer, delta
        Azimuth of the polarizer at angle 0, uncrossing of the analyzer [degrees].
    material
        Dielectric constants of the metal.
    rotates
        ``"sample"`` (counter-clockwise) or ``"optics"`` (polarizer and analyzer together, counter-clockwise).
    mirror
        The light path mirrors: columns run right to left, and azimuths and the sense of rotation with them.
    blur
        Standard deviation of the point spread [pixels]; intensities mix, not orientations.
    electrons
        At the brightest pixel of the stack; shot noise follows.
    read_noise
        [electrons].
    uneven
        Fall of the illumination over the field, as a share of its maximum; fixed on the sample.
    relief
        Standard deviation of the local reflectance, half of it from grain to grain.
    stray
        Light that never met the grains, as a share of the mean signal.
    lamp
        Standard deviation of the brightness from frame to frame.
    scratches, dust
        Number of them in the field.
    stain
        Share of the field under a dark stain.
    bits
        Depth of the camera.
    exposure
        Brightest pixel as a share of the full scale; above 0.99 it saturates.
    tiles, seam
        Tiles along each side of a stitched field (0 or 1: none), and the standard deviation of their brightness; lamp
        and drift are then each tile's own.
    turning
        Fall of the light over the field, fixed in the camera while the sample turns (with the optics: fixed).
    glass_dust
        Dust grains in the light path, out of focus, fixed in the camera.
    deformation
        Largest local loss of anisotropy by a deformed layer.
    defocus
        Standard deviation of the additional blur in the worst corner [pixels].
    drift
        Step of the sample's random walk from frame to frame [pixels].
    angle_error
        Standard deviation of a frame's angle about the stated one [degrees].
    pattern
        Standard deviation of the pixels' sensitivity (fixed pattern).
    """

    angles: tuple[float, ...]
    polarizer: float = 0.0
    delta: float = 2.5
    material: Material = TI750
    rotates: str = "sample"
    mirror: bool = False
    blur: float = 0.5
    electrons: float = 9000.0
    read_noise: float = 0.0
    uneven: float = 0.0
    relief: float = 0.0
    stray: float = 0.0
    lamp: float = 0.0
    scratches: int = 0
    dust: int = 0
    stain: float = 0.0
    bits: int = 12
    exposure: float = 0.8
    tiles: int = 0
    seam: float = 0.0
    turning: float = 0.0
    glass_dust: int = 0
    deformation: float = 0.0
    defocus: float = 0.0
    drift: float = 0.0
    angle_error: float = 0.0
    pattern: float = 0.0

    def __post_init__(self) -> None:
        if self.rotates not in ("sample", "optics"):
            raise ValueError(f"rotates is {self.rotates!r}, expected 'sample' or 'optics'")
        if not 1 <= self.bits <= 16:
            raise ValueError(f"bits is {self.bits}, expected 1 to 16")


@dataclass(frozen=True)
class SimulatedStack:
    """What the camera delivered and what lay on the section.

    Parameters
    ----------
    images
        (N, H, W) uint16.
    settings
        As used.
    stained, spoiled
        (H, W) bool: under the stain; under a scratch or a dust grain.
    transmission
        (H, W): what stain and dust leave of the light.
    frame_gain
        (N,): brightness drawn for each frame, the mean over tiles where there are some.
    """

    images: Tensor
    settings: CameraSettings
    stained: Tensor
    spoiled: Tensor
    transmission: Tensor
    frame_gain: Tensor


def clean(seed: int, *, metal: str = "Ti") -> CameraSettings:
    """Return a good microscope: 18 angles over 180 degrees, blur 0.5 px, 9,000 electrons, nothing on the section.

    Polarizer zero, sign and size of the uncrossing (1.5 to 3.5 degrees) and the complex anisotropy (0.4 to 0.9 around
    the mean of `metal` at 550 nm) are drawn from the seed.
    """
    material, polarizer, delta = _draw_optics(seed, metal)
    return CameraSettings(_angles(), polarizer, delta, material, blur=0.5, electrons=9000.0)


def mild(seed: int, *, metal: str = "Ti") -> CameraSettings:
    """Return a usual day: blur 0.6 px, 3,000 electrons, little dirt, light and angles as careful work leaves them.

    Optics are drawn as for `clean`; the same seed gives the same optics.
    """
    return replace(
        clean(seed, metal=metal),
        blur=0.6,
        electrons=3000.0,
        read_noise=3.0,
        uneven=0.1,
        relief=0.02,
        stray=0.05,
        lamp=0.003,
        scratches=3,
        dust=4,
        stain=0.02,
        turning=0.01,
        drift=0.02,
        angle_error=0.1,
        pattern=0.005,
    )


def corrupted(seed: int, *, metal: str = "Ti") -> CameraSettings:
    """Return a bad day: blur 0.9 px, 600 electrons, 4 e- read noise, uneven light, relief, stray light, dirt, a stain.

    Optics are drawn as for `clean`; the same seed gives the same optics.
    """
    return replace(
        clean(seed, metal=metal),
        blur=0.9,
        electrons=600.0,
        read_noise=4.0,
        uneven=0.25,
        relief=0.05,
        stray=0.04,
        lamp=0.01,
        scratches=8,
        dust=12,
        stain=0.06,
    )


def severe(seed: int, *, metal: str = "Ti") -> CameraSettings:
    """Return what should be taken again: stitched, saturated, stained, scratched, drifting, soft and dark.

    Every number lies towards the bad end of what microscopes deliver; optics are drawn as for `clean`.
    """
    return replace(
        clean(seed, metal=metal),
        blur=1.2,
        electrons=250.0,
        read_noise=6.0,
        uneven=0.4,
        relief=0.08,
        stray=0.25,
        lamp=0.02,
        scratches=18,
        dust=35,
        stain=0.15,
        bits=8,
        exposure=1.1,
        tiles=2,
        seam=0.08,
        turning=0.03,
        glass_dust=4,
        deformation=0.3,
        defocus=1.5,
        drift=0.15,
        angle_error=0.5,
        pattern=0.01,
    )


PRESETS = {"clean": clean, "mild": mild, "corrupted": corrupted, "severe": severe}
"""Levels by name, from good to bad."""


def simulate_stack(
    c_axes: Tensor,
    settings: CameraSettings,
    generator: torch.Generator,
    *,
    valid: Tensor | None = None,
) -> SimulatedStack:
    """Photograph a section.

    Parameters
    ----------
    c_axes
        (H, W, 3) unit vectors along the c-axis in frame S (x right, y up, z out).
    settings
        The camera.
    generator
        On the CPU; the same seed gives the same stack.
    valid
        (H, W) bool; elsewhere the section reflects like an isotropic second phase. Pixels whose c-axis is not finite
        are treated so too.

    Returns
    -------
    SimulatedStack
        On the CPU.
    """
    c = c_axes.detach().to("cpu", torch.float32)
    rows, columns = c.shape[:2]
    good = torch.isfinite(c).all(-1)
    if valid is not None:
        good = good & valid.to("cpu")
    c = torch.where(good[..., None], c, torch.tensor([0.0, 0.0, 1.0]))

    # turning the optics by rho is turning the sample by -rho; a mirror turns every sense round
    sense = (1.0 if settings.rotates == "sample" else -1.0) * (-1.0 if settings.mirror else 1.0)
    light = harmonics(c, settings.delta, settings.polarizer, settings.material)
    size = (rows, columns)

    # an effect that a level does without draws no random numbers, so its images are those from before the effect
    light = light * draw_relief(c, settings.relief, generator)
    light = _deformed(light, settings.deformation, generator)
    dirt, spoiled = draw_spots(size, settings.dust, generator)
    film, stained = draw_stain(size, settings.stain, generator)
    light = light * (dirt * film)
    # scratches scatter more when they lie across the light: their brightness goes round twice a turn
    marks, scratched = draw_scratches(size, settings.scratches, generator)
    light[:3] += light[0] * marks
    light = _out_of_focus(gaussian_blur(light, settings.blur), settings.defocus, generator)

    even = draw_smooth(size, generator)
    light = light * (1 - settings.uneven * (even - even.min()) / (even.max() - even.min()).clamp_min(1e-6))
    light[0] += settings.stray * light[0].mean() * (1 + 0.2 * draw_smooth(size, generator))
    gain = 1 + settings.lamp * torch.randn(len(settings.angles), generator=generator)
    images = _expose(light, gain, sense, settings, generator)

    spoiled = spoiled | scratched
    transmission = dirt * film
    if settings.mirror:
        images, stained, spoiled = (_flip(x) for x in (images, stained, spoiled))
        transmission = transmission.flip(-1)
    return SimulatedStack(images, settings, stained, spoiled, transmission, gain)


def _deformed(light: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Weaken the anisotropy of coefficients (5, H, W) in patches by up to `strength`."""
    if strength <= 0:
        return light
    left = 1 - strength * (0.5 + 0.5 * draw_smooth((light.shape[1], light.shape[2]), generator)).clamp(0, 1)
    # dr enters the second harmonic once, the fourth twice, and an eighth of its square is in the constant
    lost = (1 - left * left) * torch.hypot(light[3], light[4])
    return torch.cat((light[:1] - lost, light[1:3] * left, light[3:] * left * left))


def _out_of_focus(light: Tensor, defocus: float, generator: torch.Generator) -> Tensor:
    """Blur coefficients (5, H, W) more and more towards one corner."""
    if defocus <= 0:
        return light
    side = 2 * (torch.rand(2, generator=generator) < 0.5).float() - 1
    y, x = (torch.linspace(-1, 1, n) for n in light.shape[1:])
    share = ((2 + side[0] * y[:, None] + side[1] * x) / 4) ** 2
    return light + share * (gaussian_blur(light, defocus) - light)


def _expose(light: Tensor, gain: Tensor, sense: float, settings: CameraSettings, generator: torch.Generator) -> Tensor:
    """Take the frames (N, H, W) of coefficients (5, H, W): brightness of lamp and instrument, photons, digits."""
    size: Size = (int(light.shape[1]), int(light.shape[2]))
    frames = len(settings.angles)
    angles = torch.tensor(settings.angles, dtype=torch.float64)
    if settings.angle_error > 0:
        angles = angles + settings.angle_error * torch.randn(frames, generator=generator, dtype=torch.float64)
    design = design_matrix(sense * angles).to(torch.float32)
    instrument = _instrument(size, gain, settings, generator)
    walk = random_walk(frames, settings.drift, generator) if settings.drift > 0 else torch.zeros(frames, 2)

    def seen(k: int, scale: float) -> Tensor:
        here = light if settings.drift <= 0 else shifted(light, *walk[k].tolist())
        bright = gain[k] if instrument is None else instrument[k]
        return scale * bright * torch.einsum("i,ihw->hw", design[k], here)

    brightest = max(float(seen(k, 1.0).max()) for k in range(frames))
    electrons = settings.electrons / max(brightest, 1e-30)
    top = 2**settings.bits - 1
    per_electron = settings.exposure * top / max(settings.electrons, 1e-30)
    images = torch.empty(frames, *size, dtype=torch.uint16)
    for k in range(frames):
        mean = seen(k, electrons).clamp_min(0.0)
        count = torch.poisson(mean, generator=generator)
        count += settings.read_noise * torch.randn(mean.shape, generator=generator)
        # the dither of half a step keeps floor() unbiased
        number = torch.floor(count * per_electron + _OFFSET_SHARE * top + 0.5).clamp_(0, top)
        images[k] = number.to(torch.int32).to(torch.uint16)
    return images


def _instrument(size: Size, gain: Tensor, settings: CameraSettings, generator: torch.Generator) -> Tensor | None:
    """Return the brightness (N, H, W) that lamp, tiles, light path and sensor give; None for the lamp alone."""
    if settings.tiles < 2 and settings.turning <= 0 and settings.glass_dust < 1 and settings.pattern <= 0:
        return None
    bright = gain[:, None, None].expand(len(gain), *size).clone()
    if settings.tiles > 1:
        level, number = draw_tiles(size, settings.tiles, settings.seam, generator)
        own = 1 + settings.lamp * torch.randn(len(gain), settings.tiles**2, generator=generator)
        bright = bright * level * own[:, number]
    if settings.turning > 0 or settings.glass_dust > 0:
        field = draw_camera_field(size, settings.turning, settings.glass_dust, generator)
        turns = settings.rotates == "sample"
        bright = bright * torch.stack([turned_field(field, a if turns else 0.0, size) for a in settings.angles])
    if settings.pattern > 0:
        bright = bright * (1 + settings.pattern * torch.randn(size, generator=generator))
    return bright


def _flip(x: Tensor) -> Tensor:
    return x.to(torch.int32).flip(-1).to(x.dtype)


def _angles() -> tuple[float, ...]:
    return tuple(10.0 * k for k in range(18))


def _draw_optics(seed: int, metal: str) -> tuple[Material, float, float]:
    generator = torch.Generator().manual_seed(seed)
    size, turn, zero, uncross, side = torch.rand(5, generator=generator, dtype=torch.float64).tolist()
    anisotropy = (0.4 + 0.5 * size) * complex(math.cos(2 * math.pi * turn), math.sin(2 * math.pi * turn))
    material = uniaxial(f"{metal}, anisotropy {abs(anisotropy):.2f}", MEAN_INDEX[metal, 550] ** 2, anisotropy)
    return material, 180.0 * zero, (1.5 + 2.0 * uncross) * (1.0 if side < 0.5 else -1.0)

"""
A coarse map and polarized light
================================

Every fourth point of a titanium section is measured, and polarized light is taken of all of it. This is the ordinary case: the
map is restored, its boundaries and doubts are looked at, and it is saved.
"""

# %%
# A section to try it on
# ----------------------
# A synthetic section stands for the truth. What a laboratory would have of it is every fourth point in both directions, a
# sixteenth of the scan's time, and 18 images of a microscope that is not perfect.
import matplotlib.pyplot as plt
import numpy as np

import grainlight as gl

full = gl.synthetic_section(seed=11, family="equiaxed", shape=(97, 97), grain_size=16, step=0.5)
coarse = full.every(4)
light = gl.simulate_light(full, "0:180:10", level="corrupted", seed=3)

# a map, a stack of light and a result show themselves at the end of a notebook's cell
coarse

# %%
light

# %%
# Restore
# -------
# With files of one's own the first two lines are ``gl.load_ebsd("coarse.ang")`` and
# ``gl.load_light("stack.tif", angles="0:180:10", step=0.5)``.
result = gl.enhance(coarse, light, scale=4)
result

# %%
# Orientation colours of what was measured, what came out, and the truth:
figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
gl.plot_ipf(coarse, axes[0], title="measured, every 4th point")
gl.plot_ipf(result, axes[1], title="restored")
gl.plot_ipf(full, axes[2], title="truth")

# %%
# How good is it?
# ---------------
# Only synthetic data can tell. The nearest measured point is what one has without restoration.
rows, columns = full.shape
to_point = [np.minimum((np.arange(n) + 2) // 4, (n - 1) // 4) for n in (rows, columns)]
copied = full.replace(quaternions=coarse.quaternions[np.ix_(*to_point)])
for name, one in (("nearest point", copied), ("restored", result.map)):
    wrong = gl.disorientation(one, full) > 5
    print(f"{name}: {100 * wrong.mean():.1f} % of the pixels are off by more than 5 degrees")

# %%
# Where it is in doubt
# --------------------
# Every pixel has a bound that its error stays within in nine cases of ten, and every pair of neighbours a probability that a
# boundary runs between them. On real data these two are what one has to go by.
figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
result.plot_boundaries(axes[0])
result.plot_uncertainty(axes[1])

inside = gl.disorientation(result.map, full) <= result.uncertainty
share = 100 * inside[~result.measured].mean()
print(f"the bound holds for {share:.0f} % of the pixels that were not measured")

# %%
# Take it home
# ------------
# The ending decides the format; the ``.npz`` beside it has everything, pixel by pixel. :doc:`/next_steps` shows how MTEX, orix,
# DREAM3D-NX, DAMASK and ParaView read them.
from pathlib import Path
from tempfile import TemporaryDirectory

with TemporaryDirectory() as folder:
    for file in result.save(Path(folder) / "fine.ang"):
        print(file.name)

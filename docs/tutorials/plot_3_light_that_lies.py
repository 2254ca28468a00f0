"""
Light that lies, and what the program says
==========================================

A residue that lies on the section, a tile that was stitched wrongly, images in the wrong order: light is not always what it
seems to be. The measured points witness against it, and what contradicts them is not believed.
"""

# %%
# A section and its light, with an opaque blot over a part of the field.
import matplotlib.pyplot as plt
import numpy as np

import grainlight as gl

full = gl.synthetic_section(seed=7, family="equiaxed", shape=(97, 97), grain_size=16, step=0.5)
coarse = full.every(4)
good = gl.simulate_light(full, level="mild", seed=2)

row, column = np.indices(full.shape)
blot = np.hypot(row - 36, 0.8 * (column - 60)) < 17
# a residue reflects a little, the same at every angle, and more where the lamp was brighter
lamp = np.broadcast_to(good.images.mean(axis=(1, 2), keepdims=True), good.images.shape)
images = np.where(blot, np.random.default_rng(1).poisson(0.3 * lamp), good.images)
bad = gl.LightStack(images, good.angles, good.step, saturation=good.saturation)
print(f"the blot covers {100 * blot.mean():.0f} % of the field")

# %%
# The same map restored with the good light, with the spoiled light and without any.
results = {
    "good light": gl.enhance(coarse, good, scale=4),
    "with the blot": gl.enhance(coarse, bad, scale=4),
    "without light": gl.enhance(coarse, scale=4),
}
figure, axes = plt.subplots(1, 4, figsize=(15, 4), layout="constrained")
axes[0].imshow(images[0], cmap="gray")
axes[0].set_title("first image")
axes[0].set_axis_off()
for ax, (name, result) in zip(axes[1:], results.items(), strict=True):
    wrong = 100 * np.mean(gl.disorientation(result.map, full) > 5)
    gl.plot_ipf(result, ax, title=f"{name}: {wrong:.1f} % wrong")

# %%
# What is said of it: sentences, and flags for each pixel (64: light that a whole region's points contradict is not used).
spoiled = results["with the blot"]
for warning in spoiled.record["warnings"]:
    print("-", warning)
not_used = 100 * ((spoiled.light_flags & 64) > 0)
print(f"not used: {not_used[blot].mean():.0f} % of the blot, {not_used[~blot].mean():.1f} % elsewhere")

# %%
# The bound knows where the light was missing: under the blot it is as wide as without light.
for name, result in results.items():
    print(f"{name}: median bound under the blot {np.median(result.uncertainty[blot]):.1f} degrees")

"""
One photograph at an unknown setting
====================================

A single image, of which nobody wrote down the angle, is less than a stack and more than nothing: brightness is compared with that
of the measured points nearby.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import grainlight as gl

full = gl.synthetic_section(seed=21, family="equiaxed", shape=(97, 97), grain_size=18, step=0.5)
coarse = full.every(4)
stack = gl.simulate_light(full, seed=21)
unknown = np.array([np.nan])
photograph = gl.LightStack(stack.images[3:4], unknown, stack.step, saturation=stack.saturation)
photograph

# %%
# Nothing, one photograph, and all 18 images at known angles. From files, the photograph is
# ``gl.load_light("photo.png", angles="unknown", step=0.5)``.
figure, axes = plt.subplots(1, 4, figsize=(15, 4), layout="constrained")
gl.plot_ipf(coarse, axes[0], title="measured")
lights = {"no light": None, "one photograph": photograph, "18 images": stack}
for ax, (name, light) in zip(axes[1:], lights.items(), strict=True):
    result = gl.enhance(coarse, light, scale=4, quality="fast")
    wrong = 100 * np.mean(gl.disorientation(result.map, full) > 5)
    gl.plot_ipf(result, ax, title=f"{name}: {wrong:.1f} % wrong")

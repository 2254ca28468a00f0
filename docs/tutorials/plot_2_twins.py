"""
Grains and twins of a magnesium map
===================================

How many grains, how large, and how much of the boundary length is twins: with 90 % intervals that come from the samples of the
restoration, because a count of grains on a restored map is as uncertain as its boundaries.
"""

# %%
# A section with twins, of which every fourth point is measured.
import matplotlib.pyplot as plt

import grainlight as gl

magnesium = gl.Phase(1, "Magnesium", "6/mmm", 3.209, 3.209, 5.211, 90.0, 90.0, 120.0)
full = gl.synthetic_section(seed=30, family="twinned", shape=(97, 97), grain_size=24)
full = full.replace(phases=(magnesium,))
coarse, light = full.every(4), gl.simulate_light(full, metal="Mg", level="mild")
result = gl.enhance(coarse, light, scale=4, samples=4)

# %%
# Grains of the scan, of the restored map and of the truth. Boundaries of twin systems have a colour of their own.
found = gl.find_grains(result)
truth = gl.find_grains(full, minimum_pixels=found.minimum_pixels)
measured = gl.find_grains(coarse, minimum_pixels=1)

figure, axes = plt.subplots(1, 3, figsize=(12, 4.2), layout="constrained")
maps = {"measured": measured, "restored": found, "truth": truth}
for ax, (title, grains) in zip(axes, maps.items(), strict=True):
    gl.plot_grains(grains, ax)
    ax.set_title(f"{title}: {len(grains.grains)} grains")

# %%
# Figures of the map, with their intervals; an interval is missing where only one sample was drawn.
for name in ("grains", "mean_diameter", "boundary_density", "twin_fraction"):
    one, true = found.figures[name], truth.figures[name].value
    print(f"{name}: {one.value:.3g} (90 %: {one.low:.3g} to {one.high:.3g}), truth {true:.3g}")

"""
Where to scan next
==================

A coarse scan is restored first. The restored map knows where it doubts, and plans the points that lift most of it; they are
measured, and the map is made again from both scans.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import grainlight as gl

full = gl.synthetic_section(seed=21, family="elongated", shape=(97, 97), grain_size=16, step=0.5)
coarse, light = full.every(8), gl.simulate_light(full, level="corrupted", seed=6)
first = gl.enhance(coarse, light, scale=8, quality="fast")

# %%
# As many further points as a scan at half the step would have, but where they help:
grid = full.every(4)
further = grid.phase_id.size - coarse.phase_id.size
plan = gl.plan(first, further, rate=20)
for sentence in plan.sentences:
    print("-", sentence)

# %%
# Best first, in um, in the coordinates of the scan. ``plan.save("next.csv")`` writes what a microscope's script reads.
fig, axes = plt.subplots(figsize=(5.4, 4.4), layout="constrained")
shown = axes.imshow(first.other_grain, cmap="gray_r", extent=(0, 48.5, 48.5, 0))
axes.plot(plan.x, plan.y, ".", markersize=3, color="tab:red")
fig.colorbar(shown, label="probability of another grain")
axes.set_xlabel("um")

# %%
# The microscope's answer, here taken from the full map, goes in beside the first scan: a map with the planned points alone.
row, column = np.rint(np.stack((plan.y, plan.x)) / full.step[0]).astype(int)
phase_id = np.full(full.shape, -1, np.int16)
phase_id[row, column] = full.phase_id[row, column]
planned = full.replace(phase_id=phase_id)
second = gl.enhance(coarse, light, scale=8, quality="fast", also=[planned])


def wrong(result):
    return 100 * np.mean(gl.disorientation(result.map, full) > 5)


evenly = gl.enhance(grid, light, scale=4, quality="fast")
print(f"pixels more than 5 degrees off, {coarse.phase_id.size} points: {wrong(first):.1f} %")
print(f"with {len(plan.x)} planned points: {wrong(second):.1f} %")
print(f"with as many on a finer grid: {wrong(evenly):.1f} %")

# %%
# The prediction is the map's own doubt, and hopeful: where a pixel is wrong without knowing it, nothing is planned.
# :doc:`gl.validate </validation>` measures how far the doubt may be believed.
#
# Going in rounds is better still: measure, restore, plan again. On the command line ``grainlight plan`` writes the points or,
# with ``--boxes``, squares to scan at a finer step, and ``enhance --also`` takes what was measured there
# (:doc:`/validation`).

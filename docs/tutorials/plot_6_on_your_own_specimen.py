"""
What is it worth on my specimen?
================================

Points are held back, the map is restored without them, and what it says in their places is compared with what was measured
there. No truth is needed but the measurement itself.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import grainlight as gl

full = gl.synthetic_section(seed=12, family="equiaxed", shape=(129, 129), grain_size=14, step=0.5)
coarse, light = full.every(4), gl.simulate_light(full, level="corrupted", seed=4)

found = gl.validate(coarse, light, scale=4, quality="fast")
for sentence in found.sentences:
    print("-", sentence)

# %%
# The same points, by what each method says in their places: the share that is off by more than 5 degrees, with its 90 %
# interval.
figure, axes = plt.subplots(figsize=(7, 2.6), layout="constrained")
for name, share in found.held_back.items():
    axes.barh(name, 100 * share.value, color="#4a7ba6")
    axes.plot([100 * share.low, 100 * share.high], [name, name], color="black")
axes.invert_yaxis()
axes.set_xlabel("held-back points that are wrong, %")

# %%
# With a synthetic section the estimate for the pixels of the restored map can be held against the truth:
result = gl.enhance(coarse, light, scale=4, quality="fast")
wrong = np.mean(gl.disorientation(result.map, full)[~result.measured] > 5)
low, value, high = (100 * one for one in (found.wrong.low, found.wrong.value, found.wrong.high))
print(f"estimated {value:.1f} % ({low:.1f} to {high:.1f} %)")
print(f"true      {100 * wrong:.1f} %")

# %%
# Light of another place does not help, and is found out:
elsewhere = gl.synthetic_section(seed=99, shape=(129, 129), grain_size=14, step=0.5)
other = gl.simulate_light(elsewhere, seed=5)
print(gl.validate(coarse, other, scale=4, quality="fast", folds=2).sentences[-2])

# %%
# On the command line ``grainlight validate`` says the same, ``--json`` writes it to a file that ``enhance --calibration`` takes, and
# ``grainlight plan`` says where further points would help most (:doc:`/validation`).

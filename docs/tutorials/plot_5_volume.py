"""
A specimen in sections
======================

Light on every section, EBSD on every fourth: the sections between are restored from their own light and the grains of the
sections above and below.
"""

# %%
# ``grainlight synthesize --volume`` makes a specimen in files: EBSD maps, light stacks and the manifest that lists them. For a
# specimen of one's own, ``grainlight volume plan FOLDER`` writes the manifest from the names of the files.
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np

import grainlight as gl

temporary = TemporaryDirectory()
folder = Path(temporary.name) / "specimen"
options = "--volume 5 --every 4 --scale 2 --size 65,65 --grain-size 14 --seed 4".split()
command = [sys.executable, "-m", "grainlight", "synthesize", *options, "--output", str(folder)]
subprocess.run(command, check=True, capture_output=True)
print((folder / "volume.csv").read_text())

# %%
volume = gl.restore_volume(
    folder / "volume.csv", folder / "restored", scale=2, quality="fast", angles="0:180:10", step=0.5
)
print(volume.quaternions.shape)
for warning in volume.record["warnings"]:
    print("-", warning)

# %%
# Five sections; the first and the last have EBSD.
from grainlight.report.colours import quaternion_colours

figure, axes = plt.subplots(1, 5, figsize=(15, 3.4), layout="constrained")
for ax, z, orientation in zip(axes, volume.z, np.asarray(volume.quaternions), strict=True):
    colours = quaternion_colours(orientation.reshape(-1, 4).astype(float)).reshape(*orientation.shape[:2], 3)
    ax.imshow(colours)
    ax.set_title(f"z = {z:g} µm")
    ax.set_axis_off()

# %%
# The folder of the result also holds ``volume.zarr``, a page that opens in any browser, and tables of the grains in 3-D.
print(sorted(file.name for file in (folder / "restored").iterdir()))
temporary.cleanup()

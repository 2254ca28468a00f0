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

import grainlight as gl

temporary = TemporaryDirectory()
folder = Path(temporary.name) / "specimen"
options = "--volume 5 --every 4 --scale 2 --size 65,65 --grain-size 14 --seed 4".split()
command = [sys.executable, "-m", "grainlight", "synthesize", *options, "--output", str(folder)]
subprocess.run(command, check=True, capture_output=True)
print((folder / "volume.csv").read_text())

# %%
manifest, restored = folder / "volume.csv", folder / "restored"
volume = gl.restore_volume(
    manifest, restored, scale=2, quality="fast", angles="0:180:10", step=0.5
)
print(volume.quaternions.shape)
for warning in volume.record["warnings"]:
    print("-", warning)

# %%
# Five sections; the first and the last have EBSD.
figure, axes = plt.subplots(1, 5, figsize=(15, 3.4), layout="constrained")
for k, ax in enumerate(axes):
    gl.plot_ipf(volume.section(k), ax, title=f"z = {volume.z[k]:.3g} µm")

# %%
# The folder of the result also holds ``volume.zarr``, a page that opens in any browser, and tables of the grains in 3-D.
print(*sorted(file.name for file in restored.iterdir()), sep="\n")
temporary.cleanup()

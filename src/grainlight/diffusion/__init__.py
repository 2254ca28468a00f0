"""The joint state of EBSD and polarized light, noise per pixel and group, the denoiser and the solver."""

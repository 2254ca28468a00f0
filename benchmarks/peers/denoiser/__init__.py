"""The joint denoiser that the label network has replaced: skip, network, solver, training. Peers are built on it."""

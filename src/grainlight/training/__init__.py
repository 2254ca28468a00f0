"""Training of the denoiser on an endless stream of synthetic sections. Needs torch, numpy and safetensors only."""

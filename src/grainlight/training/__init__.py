"""Training of the label network on an endless stream of synthetic sections. Needs torch, numpy and safetensors only."""

"""Sections drawn from the diffusion model over grain labels: from nothing, or around measured points."""

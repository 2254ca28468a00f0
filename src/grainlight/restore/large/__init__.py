"""What large maps need: windows, stitching, allocation of memory."""

"""The light on the output grid: where it lies, calibrated, and the model of how it is imaged."""

"""From light to harmonics of known scale: the fit of a stack, and its calibration on c-axes that are known."""

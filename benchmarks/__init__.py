"""Research on this project, run from a checkout as `python -m benchmarks.NAME`; no part of the installed package.

Goals (`bars`), peers and the comparison with them (`side_by_side`), studies of training and of inference (`study`,
`scaling`, `relabel`), likeness to real metal (`realism`), registration, speed, and calibration of what a restoration
states about itself (`doubt`, `grains`, `unlit`, `missed`).
"""

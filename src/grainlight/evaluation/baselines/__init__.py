"""Classical methods of filling a map: one file each, and what they share."""

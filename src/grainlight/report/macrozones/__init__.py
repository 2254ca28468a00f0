"""The picture of macrozones."""

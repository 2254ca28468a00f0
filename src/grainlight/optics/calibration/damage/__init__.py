"""Where light is not what it should be: regions that contradict the known c-axes, and those of little contrast."""

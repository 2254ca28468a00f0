"""What a notebook shows of a map, a stack of light or a result."""

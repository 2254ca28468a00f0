"""The page: a server on this machine alone, whose work is done by calls of the public API in child processes."""

"""The page: a server on this machine alone, whose work is done by calls of the public API in child processes."""

UPLOAD = "upload-"
"""What the names begin with that the server gives to files."""

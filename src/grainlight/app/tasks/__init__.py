"""What child processes of the page do, each a call of the public API."""

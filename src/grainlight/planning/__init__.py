"""Where to scan next: points or boxes, by the doubt of a restored map, and what they cost."""

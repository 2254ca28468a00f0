"""Methods of other people, on the same tasks as ours; each file says its paper and what was adapted."""

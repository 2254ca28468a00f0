"""What a restoration is worth on a map of the user's own: points held back, and what it says in their places."""

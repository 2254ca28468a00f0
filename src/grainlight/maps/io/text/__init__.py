"""Tables of text: headers, rows of numbers, and how they are read and written fast."""

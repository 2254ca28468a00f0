"""Light images as recorded: their counts, their order, their step, and what is wrong with them."""

"""How sure the map is: second labels, boundaries, gradients, the bound."""

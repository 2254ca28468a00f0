"""The fine part of a registration: freedoms, fits, and what speaks for them."""

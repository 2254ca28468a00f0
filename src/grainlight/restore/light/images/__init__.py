"""The images of a stack, before they are brought to the map: what each recorded, and which fit the others."""

"""Where the scan points of an EBSD map lie on polarized-light images."""

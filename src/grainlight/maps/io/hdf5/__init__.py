"""HDF5 files of others, read with suspicion, and which maker's they are."""

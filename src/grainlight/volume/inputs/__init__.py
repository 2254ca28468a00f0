"""What goes into a volume: its manifest as a file, the manifest of a folder, what is found before a run."""

"""Pictures of maps: orientation colours, boundaries, doubts. Writes files, shows nothing on a screen."""

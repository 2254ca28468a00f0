"""One reader per format; each returns an `OrientationMap` or a `LightStack`."""

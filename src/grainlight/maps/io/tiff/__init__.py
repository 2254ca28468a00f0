"""TIFF files of images: their pages, the compressions that tifffile leaves to another library, their scale."""

"""From c-axes to light: reflectance, response, illumination, point spread."""

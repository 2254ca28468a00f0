"""The viewer of the page, the report and a result in a notebook: layers, values of pixels, grains, what draws them."""

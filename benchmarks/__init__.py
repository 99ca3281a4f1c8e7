"""Side-by-side measurements: what the same work costs this product and others, in one run, on one machine."""

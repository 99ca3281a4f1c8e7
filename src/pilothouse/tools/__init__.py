"""The built-in operations with their descriptors, and the catalog that finds them and those of the site."""

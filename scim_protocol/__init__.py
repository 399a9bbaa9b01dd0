"""The HTTP functions of what spans resource types: the root, /Bulk, discovery, custom types."""

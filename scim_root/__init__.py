"""The HTTP functions of what spans resource types."""

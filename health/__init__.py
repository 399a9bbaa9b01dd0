"""The HTTP functions by which monitors see whether the service is alive and ready."""

"""What the service takes in time and CPU, measured on this machine."""

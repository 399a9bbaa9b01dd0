"""What is told of a finished request beside its line in the log: OpenTelemetry, when it is on."""

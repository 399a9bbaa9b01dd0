"""What can be wrong with the machine, the settings or the app before the service runs."""


class LocalError(Exception):
    """A reason why the service cannot run here, as one line that says what to change."""

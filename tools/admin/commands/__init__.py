"""The commands of `python -m tools.admin`: options in, a table or JSON out."""

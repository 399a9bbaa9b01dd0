"""Running the service on one machine: storage, settings, and a stand-in for `func start`.

Nothing in this folder is deployed, and nothing that is deployed imports it.
"""

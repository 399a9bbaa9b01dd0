"""The HTTP functions of resource types that the deployer has added."""

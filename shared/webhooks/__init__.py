"""Webhooks: the events of a tenant, posted to the endpoints that want them."""

"""The accounts of a product, compared with the directory of a tenant."""

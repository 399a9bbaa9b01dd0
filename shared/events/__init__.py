"""What the product learns of a tenant: its change rows as events, and the feed of them."""

"""The portal: pages for a customer's administrator, who connects and watches the provisioning."""

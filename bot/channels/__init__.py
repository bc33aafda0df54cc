"""The ways by which customers reach the gateway, and it them."""

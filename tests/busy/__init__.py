"""The platform on a machine whose processors are taken by other work."""

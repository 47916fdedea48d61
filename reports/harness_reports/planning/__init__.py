"""Training runs at scale: planned, never measured."""

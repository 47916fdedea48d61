"""Where each figure of the tables comes from."""

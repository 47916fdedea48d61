"""Where steps run: in fresh processes of a fork server on this machine."""

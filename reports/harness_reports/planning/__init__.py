"""Plans of training runs at scale, and tables of facts."""

"""For readers of the user's data: which files and rows belong to which split, and a report of how they were read."""

"""What a figure is: a value with its unit, its formula, its inputs and where they come from."""

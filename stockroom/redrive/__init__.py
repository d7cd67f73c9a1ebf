"""Dead letters: looking at them, and handing them over once more."""

"""How good a set of pictures is: feature networks, and measures between sets of features."""

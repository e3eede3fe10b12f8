"""Turning what was drawn: classifiers that know attributes and a dial that follows them, directions that are the same for all images, and
the way from a picture to the latent that draws it."""

"""Turning what was drawn: classifiers that know attributes, and the dial that follows their gradients through a generator's latents."""

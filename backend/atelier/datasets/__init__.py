"""Pictures to train on, with labels, captions and attributes: one file a data set, and the cache that networks read from."""

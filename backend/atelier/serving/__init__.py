"""Drawing with published generators: the inference process, the web process' side of it, and the pictures it makes."""

"""Several photos of one object: where each was taken from, and the shape that they have in common."""

"""The shape of a photo's object: the occupancy that a network sees in the photo, with views that a sampler drew."""

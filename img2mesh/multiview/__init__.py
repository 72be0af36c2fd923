"""The shape of views that were given at known cameras: bundle adjustment of silhouettes, stereo, fusion, colours."""

"""What every room stands on: cameras, views, pictures, signed-distance grids, rasterising, files, devices, progress."""

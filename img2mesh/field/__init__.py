"""The neural field: a NeuS signed distance and colours on a multi-resolution hash grid, fitted by volume rendering."""

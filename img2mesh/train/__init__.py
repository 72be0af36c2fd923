"""Training the mini and fine-tuning full-size checkpoints: the recipe of Zero-1-to-3 from our own commands.

`dataset` reads rendered objects, `autoencoder` trains the image autoencoder, `latents` encodes every view once,
`denoiser` trains the U-Net with its image encoder and camera projection, `folder` writes the result as the folder
that `img2mesh.models.load_model` reads. Needs only torch, diffusers, transformers and a folder of renders.
"""

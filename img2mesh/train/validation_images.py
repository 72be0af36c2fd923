"""Held-out views during training: a number in the log and a sheet of input, truth and samples to look at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from img2mesh.models.preprocess import to_network
from img2mesh.train.checkpoints import Ema, Log
from img2mesh.train.dataset import RenderSet
from img2mesh.train.denoiser import Denoiser
from img2mesh.train.pairs import pose_between


class Pictures:
    """Samples a fixed set of validation pairs with the averaged weights.

    Args:
        data: validation objects.
        folder: where `held-out-<step>.png` go.
        pairs: how many.
        steps: denoising steps (DDIM, no guidance).
    """

    def __init__(self, data: RenderSet, folder: Path, pairs: int = 12, steps: int = 1) -> None:
        rng = np.random.default_rng(7)
        self.folder, self.steps = folder, steps
        items = rng.choice(len(data), size=pairs, p=data.probabilities())
        inputs, targets, poses = [], [], []
        for item in items:
            angles = data.objects[item].angles
            source = int(np.argmin(np.abs(angles[:, 0] - 0.4)))
            other = int(rng.choice(np.delete(np.arange(len(angles)), source)))
            inputs.append(data.read(int(item), source))
            targets.append(data.read(int(item), other))
            poses.append(pose_between(angles[source], angles[other]))
        self.inputs, self.targets = np.stack(inputs), np.stack(targets)
        self.poses = torch.from_numpy(np.stack(poses))

    @torch.no_grad()
    def __call__(self, model: Denoiser, ema: Ema, step: int, log: Log) -> None:
        """Log PSNR and mask IoU against the truth and write the sheet."""
        modules = model.trained()
        present = {n: {k: v.clone() for k, v in m.state_dict().items()} for n, m in modules.items()}
        for name, module in modules.items():
            module.load_state_dict(ema.weights(name))
        device = next(model.unet.parameters()).device
        with torch.autocast(device.type, torch.bfloat16):
            pictures = self._sample(model, device)
        for name, module in modules.items():
            module.load_state_dict(present[name])
        truth = ((to_network(self.targets) + 1) / 2).numpy()
        mse = np.square(pictures[:, :3] - truth[:, :3]).mean(axis=(1, 2, 3))
        a, b = pictures[:, 3] > 0.5, truth[:, 3] > 0.5
        iou = (a & b).sum((1, 2)) / np.maximum((a | b).sum((1, 2)), 1)
        log.write(step=step, psnr=float(np.mean(-10 * np.log10(mse))), mask_iou=float(iou.mean()))
        self._sheet(pictures, truth, step)

    def _sample(self, model: Denoiser, device: torch.device) -> np.ndarray:
        inputs = to_network(self.inputs).to(device)
        latents = model.latents(inputs).float()
        said = model.sample(
            inputs[:, :3], latents, self.poses.to(device), self.steps, torch.Generator().manual_seed(0)
        )
        y = model.vae.decode(said).sample
        return ((y.float().clamp(-1, 1) + 1) / 2).cpu().numpy()

    def _sheet(self, pictures: np.ndarray, truth: np.ndarray, step: int) -> None:
        from PIL import Image

        inputs = ((to_network(self.inputs) + 1) / 2).numpy()
        alpha = np.repeat(pictures[:, 3:], 3, axis=1)
        rows = [inputs[:, :3], truth[:, :3], pictures[:, :3], alpha]
        sheet = np.concatenate(
            [np.concatenate(list(row.transpose(0, 2, 3, 1)), axis=1) for row in rows], axis=0
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray((sheet * 255 + 0.5).astype(np.uint8))
        image.resize((image.width // 2, image.height // 2)).save(self.folder / f"held-out-{step:07d}.png")

"""The occupancy network: from one photo, how likely each point behind its pixels is inside, and its colour.

Everything lies in the photo's own frame: output channels are depths along the pixels' rays (voxel tubes: Richter and
Roth 2018, "Matryoshka Networks", section 3.1). A U-Net at 32 x 32 pixels, to which a pretrained EfficientNet adds
its features, gives a coarse answer; a branch at 64 x 64 pixels refines it and says the colours. Means over the
picture are the photo's elevation, its variance, and how symmetric the object is about upright planes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2mesh.models.efficientnet import FEATURES, EfficientNetLite
from img2mesh.models.preprocess import to_network
from img2mesh.models.stored_network import StoredNetwork
from img2mesh.models.unet import PixelUNet

SIZE = 256  # pixels per side of the picture that it sees
CELLS = 64  # of its occupancy along each axis
COARSE = 32  # cells of the U-Net's occupancy along each axis; it sees pictures of half the size
HALF = 0.72  # world units from the origin to the first and to the last depth, along the viewing axis
MIDDLE_DISTANCE = 1.85  # of the cameras it was trained with
PLANES = 24  # upright planes, evenly turned over half a turn, of whose symmetry it speaks
COLOURS = 16  # depths at which it says colours
TOUCHED = 0.02  # share of a cell's pixels that the object covers, from which it may hold some of it
LOG_VARIANCE = (-6.0, 2.0)  # limits of the elevation's, radians squared


@dataclass(frozen=True, eq=False)
class Guess:
    """What a photo suggests.

    Attributes:
        occupancy: (D, H, W) float32 in [0, 1], the chance that a point is inside: for H x W pixels that share the
            photo's frame and D depths, evenly spaced cells between `distance` - `half` and `distance` + `half`.
        distance, half: world units along the viewing axis.
        elevation_deg, deviation_deg: of the photo's camera, and its standard deviation.
        symmetry: (P,) float32 in [0, 1], the expected overlap (IoU) of the object with its mirror image, for planes
            whose normals have the azimuth of the photo's camera and p / P of half a turn more (`docs/conventions.md`);
            P is 0 where the network says nothing of it.
        colours: (E, H, W, 3) float32 in [0, 1], sRGB, of surfaces at E depths over the same range; E is 0 where the
            network says nothing of them.
    """

    occupancy: np.ndarray
    distance: float
    half: float
    elevation_deg: float
    deviation_deg: float
    symmetry: np.ndarray
    colours: np.ndarray = field(default_factory=lambda: np.zeros((0, 1, 1, 3), np.float32))


@dataclass(frozen=True, eq=False)
class Answer:
    """What the network says of B pictures.

    Attributes:
        occupancy: (B, CELLS, CELLS, CELLS) logits, depth first.
        colours: (B, 3, COLOURS, CELLS, CELLS), depth third, of surfaces there; in [0, 1] but for small excesses.
        elevation, log_variance: (B,) radians, and the logarithm of its variance.
        symmetry: (B, PLANES) logits of the overlap with mirror images.
    """

    occupancy: Tensor
    colours: Tensor
    elevation: Tensor
    log_variance: Tensor
    symmetry: Tensor


class OccupancyNetwork(StoredNetwork):
    """See the module. With random weights; branches that are added to others begin at zero.

    Args:
        widths: channels of the U-Net at 32, 16 and 8 pixels per side.
        fine: channels at 64 pixels per side; with 0 nothing is refined, and colours are those of the pixels.
        pretrained: whether features of `EfficientNetLite` are added, which is not trained.
        temperature, bias: of the calibrated chance, sigmoid(logit / temperature + bias), fitted on validation objects
            (Guo et al. 2017, "On calibration of modern neural networks", section 4.2).
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (96, 192, 320),
        fine: int = 32,
        pretrained: bool = True,
        temperature: float = 1.0,
        bias: float = 0.0,
    ) -> None:
        super().__init__()
        self.remember(
            widths=tuple(widths), fine=fine, pretrained=pretrained, temperature=temperature, bias=bias
        )
        self.core = build_core(tuple(widths))
        self.encoder = EfficientNetLite().requires_grad_(False) if pretrained else None
        inputs = (widths[0], widths[0], widths[1])  # of the three levels' first blocks
        if pretrained:
            self.features = nn.ModuleList(
                _zero(nn.Conv2d(FEATURES[stride], width, 1))
                for stride, width in zip((8, 16, 32), inputs, strict=True)
            )
        if fine:
            self.fine_core = nn.Conv2d(widths[0], fine * (CELLS // COARSE) ** 2, 3, padding=1)
            self.fine_pixels = nn.Conv2d(4 * (SIZE // CELLS) ** 2, fine, 1)
            self.fine_hidden = nn.Conv2d(fine, fine, 3, padding=1)
            self.fine_conv_out = _zero(nn.Conv2d(fine, CELLS + 3 * COLOURS, 1))

    def forward(self, pictures: Tensor, distances: Tensor) -> Answer:
        """The answer to pictures (B, 4, SIZE, SIZE) in [-1, 1], colour on white and alpha.

        Args:
            distances: (B,) of the cameras, world units.
        """
        found = self._encoded(pictures)
        hidden, said = self._core(F.avg_pool2d(pictures, 2), distances, found)
        said = said.float()
        # in the plane, then along the rays: faster than a trilinear interpolation
        coarse = F.interpolate(said[:, :COARSE], (CELLS, CELLS), mode="bilinear", align_corners=False)
        occupancy = _finer_depths(coarse)
        means = said[:, COARSE:].mean(dim=(2, 3))  # the elevation, its variance, and the symmetries
        shown = F.avg_pool2d(pictures.float(), SIZE // CELLS)
        alpha = (shown[:, 3:] + 1) / 2
        own = (((shown[:, :3] + 1) / 2 - (1 - alpha)) / alpha.clamp_min(0.1)).clamp(0, 1)
        colours = own[:, :, None].expand(-1, -1, COLOURS, -1, -1)
        if self.config.fine:
            fine = self._fine(pictures, hidden)
            occupancy = occupancy + fine[:, :CELLS]
            colours = colours + fine[:, CELLS:].unflatten(1, (3, COLOURS))
        return Answer(
            occupancy,
            colours,
            means[:, 0],
            means[:, 1].clamp(*LOG_VARIANCE),
            means[:, 2:],
        )

    def _fine(self, pictures: Tensor, hidden: Tensor) -> Tensor:
        """(B, CELLS + 3 COLOURS, CELLS, CELLS) what the finer branch adds."""
        x = F.pixel_shuffle(self.fine_core(F.silu(hidden)), CELLS // COARSE)
        x = x + self.fine_pixels(F.pixel_unshuffle(pictures, SIZE // CELLS))
        x = x + self.fine_hidden(F.silu(x))
        return self.fine_conv_out(F.silu(x)).float()

    def _encoded(self, pictures: Tensor) -> dict[int, Tensor]:
        if self.encoder is None:
            return {}
        with torch.no_grad():
            return self.encoder(pictures[:, :3])

    def _core(self, pictures: Tensor, distances: Tensor, found: dict[int, Tensor]) -> tuple[Tensor, Tensor]:
        """The U-Net's last hidden layer and its output, features being added before each level."""
        core = self.core
        noise = core.time_proj((distances - MIDDLE_DISTANCE) * 1000).to(pictures.dtype)
        noise = core.time_embedding(noise)
        x = core.conv_in(F.pixel_unshuffle(pictures, SIZE // 2 // COARSE))
        if found:
            x = x + self.features[0](found[8])
        skips = (x,)
        for k, block in enumerate(core.down_blocks):
            x, more = block(x, noise)
            skips += more
            if found and k + 1 < len(self.features):
                x = x + self.features[k + 1](found[8 * 2 ** (k + 1)])
                skips = (*skips[:-1], x)
        x = core.mid_block(x, noise)
        for block in core.up_blocks:
            count = len(block.resnets)  # type: ignore[arg-type]
            more, skips = skips[-count:], skips[:-count]
            x = block(x, more, noise)
        return x, core.conv_out(core.conv_act(core.conv_norm_out(x)))


def _finer_depths(x: Tensor) -> Tensor:
    """(B, D, H, W) to (B, 2 D, H, W), linearly between the depths."""
    before = torch.cat([x[:, :1], x[:, :-1]], dim=1)
    after = torch.cat([x[:, 1:], x[:, -1:]], dim=1)
    return torch.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], dim=2).flatten(1, 2)


def _zero(layer: nn.Conv2d) -> nn.Conv2d:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def build_core(widths: tuple[int, ...]) -> PixelUNet:
    """The U-Net; the last of the widths has attention."""
    inputs, outputs = 4 * (SIZE // 2 // COARSE) ** 2, COARSE + 2 + PLANES
    return PixelUNet(inputs, outputs, widths, groups=8, head=32 if widths[-1] % 32 == 0 else 8)


def covered(pictures: Tensor, cells: int = CELLS) -> Tensor:
    """(B, 1, cells, cells) 1 where pictures (B, 4, S, S) in [-1, 1] show some of the object, else 0.

    Nothing else can be inside, so nothing else was learned.
    """
    return (F.avg_pool2d((pictures[:, 3:] + 1) / 2, pictures.shape[-1] // cells) > TOUCHED).float()


@torch.inference_mode()
def predict(net: OccupancyNetwork, image_rgba: np.ndarray, distance: float) -> Guess:
    """The network's guess for a photo (S, S, 4) uint8, straight alpha, taken from `distance`; float32 on the CPU.

    The mean of what it says of the photo and of its mirror image.
    """
    picture = resized(to_network(image_rgba)[None], SIZE)
    logits, answer = mirrored_mean(net, picture, torch.tensor([distance]))
    chance = torch.sigmoid(logits / net.config.temperature + net.config.bias) * covered(picture)
    spread = answer.log_variance.exp().mean() + answer.elevation.var(correction=0)
    plain, mirrored = torch.sigmoid(answer.symmetry)
    overlaps = (plain + mirrored.roll(-1).flip(0)) / 2  # the other way round, from the same plane
    colours = (answer.colours[0] + answer.colours[1].flip(-1)) / 2
    return Guess(
        chance[0].numpy(),
        distance,
        HALF,
        float(np.degrees(answer.elevation.mean().item())),
        float(np.degrees(spread.sqrt().item())),
        overlaps.numpy(),
        colours.permute(1, 2, 3, 0).clamp(0, 1).numpy(),
    )


def mirrored_mean(net: OccupancyNetwork, pictures: Tensor, distances: Tensor) -> tuple[Tensor, Answer]:
    """Mean logits (B, CELLS, CELLS, CELLS) of B pictures and their mirror images, and the answer to all 2 B."""
    answer = net(torch.cat([pictures, pictures.flip(-1)]), torch.cat([distances, distances]))
    plain, mirrored = answer.occupancy.chunk(2)
    return (plain + mirrored.flip(-1)) / 2, answer


def resized(x: Tensor, size: int) -> Tensor:
    """Pictures (B, C, H, W) in [-1, 1], colour on white, at (size, size), averaged over areas."""
    if x.shape[-1] == size:
        return x
    return F.interpolate(x, (size, size), mode="bilinear", align_corners=False, antialias=True)

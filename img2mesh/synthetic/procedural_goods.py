"""Random goods: boxes, bottles, shoes, tools, headsets, as pieces (`synthetic.implicit_surfaces`).

Upright, z up, ahead along x; about 1 long or high.
"""

from __future__ import annotations

import numpy as np

from img2mesh.synthetic.implicit_surfaces import Piece, ball, bar, block, lathe, mirrored, ring
from img2mesh.synthetic.procedural_textures import random_colour


def carton(rng: np.random.Generator) -> list[Piece]:
    """A box of any proportions, sometimes with a second one on it."""
    half = np.array([0.5, rng.uniform(0.15, 0.5), np.exp(rng.uniform(np.log(0.025), np.log(0.5)))])
    pieces = [block([0, 0, 0], half[rng.permutation(3)], random_colour(rng), rng.choice([0.004, 0.02, 0.1]))]
    if rng.random() < 0.15:  # a second one on it
        top = pieces[0].high[2]
        size = half * rng.uniform(0.4, 0.9)
        pieces.append(block([0, 0, top + size[2]], size, random_colour(rng), 0.01))
    return pieces


def bottle(rng: np.random.Generator) -> list[Piece]:
    """A bottle, can, jar or tube, with its cap."""
    wide, oval = rng.uniform(0.1, 0.4), 1.0 if rng.random() < 0.65 else rng.uniform(0.35, 0.9)
    shoulder, neck = rng.uniform(0.5, 0.95), wide * rng.uniform(0.25, 1.0)
    foot, waist = wide * rng.uniform(0.8, 1.0), wide * rng.uniform(0.8, 1.05)
    heights = [0, 0.03, shoulder * 0.5, shoulder, shoulder + (1 - shoulder) * rng.uniform(0.2, 0.9), 1]
    body = lathe(heights, [foot * 0.92, foot, waist, wide, neck, neck], random_colour(rng), oval)
    pieces = [body]
    if rng.random() < 0.7:
        cap, high = neck * rng.uniform(1.0, 1.35), rng.uniform(0.04, 0.25)
        pieces.append(
            lathe([1 - high / 2, 1 + high / 2], [cap, cap * rng.uniform(0.7, 1)], random_colour(rng), oval)
        )
    if rng.random() < 0.15:  # a spray's or pump's nose
        pieces.append(bar([0, 0, 1.05], [wide, 0, 1.05], 0.04, 0.03, random_colour(rng)))
    return pieces


def shoe(rng: np.random.Generator) -> list[Piece]:
    """A shoe or boot for one foot, open at the top."""
    upper, sole, lining = (random_colour(rng) for _ in range(3))
    wide, high = rng.uniform(0.15, 0.2), rng.uniform(0.2, 0.32)
    collar = high * (1 if rng.random() < 0.7 else rng.uniform(1.3, 2.2))  # boots
    thick, raised = rng.uniform(0.02, 0.08), rng.uniform(0, 0.12) if rng.random() < 0.25 else 0.0
    pieces = [
        ball([0.3, 0, thick + high * 0.3], [0.2, wide, high * 0.45], upper, 0.05),
        ball([0.05, 0, thick + high * 0.4 + raised * 0.4], [0.3, wide * 0.9, high * 0.5], upper, 0.15),
        bar(
            [-0.3, 0, thick + raised + 0.1],
            [-0.27, 0, thick + raised + collar * 0.8],
            wide * 0.85,
            wide * 0.75,
            upper,
            0.12,
        ),
    ]
    brim, mouth = thick + raised + collar, wide * rng.uniform(0.5, 0.62)
    deep = rng.uniform(0.5, 0.85) * collar
    pieces.append(ball([-0.22, 0, brim], [mouth * 1.7, mouth, deep], lining, hollow=True))
    pieces += [
        bar([-0.3, 0, thick / 2], [0.3, 0, thick / 2], wide * 0.8, wide, sole, flat=thick / 2 / wide),
        block([-0.3, 0, (thick + raised) / 2], [0.15, wide * 0.7, (thick + raised) / 2], sole, 0.06),
    ]
    if rng.random() < 0.4:
        pieces.append(
            block([0.12, 0, thick + high * 0.75], [0.14, wide * 0.4, 0.04], random_colour(rng), 0.02)
        )
    return pieces


def tool(rng: np.random.Generator) -> list[Piece]:
    """Upright: its length along z, its flat side towards x; most of them are laid down."""
    grip, metal = random_colour(rng), np.full(3, rng.uniform(0.2, 0.9))
    thick, middle = rng.uniform(0.02, 0.06), rng.uniform(0.35, 0.6)
    pieces = [
        lathe(
            [0, 0.03, middle * rng.uniform(0.3, 0.8), middle],
            [thick * 0.8, thick, thick * rng.uniform(0.7, 1.1), thick * 0.7],
            grip,
            rng.uniform(0.6, 1.0),
        )
    ]
    kind = rng.choice(["driver", "hammer", "blade", "spoon", "scissors", "wrench"])
    if kind == "driver":
        pieces.append(bar([0, 0, middle], [0, 0, 1], thick * rng.uniform(0.15, 0.4), thick * 0.2, metal))
    elif kind == "hammer":
        size = rng.uniform(0.04, 0.08)
        pieces.append(bar([0, 0, middle], [0, 0, 0.95], thick * 0.8, thick * 0.7, grip))
        pieces.append(
            bar(
                [0, -rng.uniform(0.08, 0.16), 0.95],
                [0, rng.uniform(0.08, 0.2), 0.95],
                size,
                size * rng.uniform(0.3, 1),
                metal,
                0.02,
            )
        )
    elif kind == "blade":
        wide = rng.uniform(0.03, 0.12)
        pieces.append(
            block(
                [0, 0, (middle + 1) / 2],
                [rng.uniform(0.008, 0.02), wide, (1 - middle) / 2 + 0.02],
                metal,
                0.008,
            )
        )
    elif kind == "spoon":
        pieces.append(bar([0, 0, middle], [0, 0, 0.9], thick * 0.5, thick * 0.4, metal))
        pieces.append(
            ball(
                [0, 0, 0.95],
                [rng.uniform(0.015, 0.05), rng.uniform(0.05, 0.15), rng.uniform(0.08, 0.15)],
                metal,
                0.02,
            )
        )
    else:
        open_, hole, wire = rng.uniform(0.03, 0.15), rng.uniform(0.05, 0.1), rng.uniform(0.014, 0.03)
        if kind == "scissors":
            pieces = [mirrored(ring([0, hole + wire, hole + wire], hole, wire, grip, axis=0))]
            pieces.append(mirrored(bar([0, hole * 0.8, 2 * hole], [0, 0, 0.45], wire, wire, grip, 0.01)))
            pieces.append(mirrored(bar([0, 0, 0.42], [0, open_, 1], 0.03, 0.012, metal, 0.01)))
        else:
            pieces.append(bar([0, 0, middle], [0, 0, 0.88], thick * 0.7, thick * 0.6, metal))
            pieces.append(ring([0, 0, 0.88 + hole], hole, wire, metal, axis=0))
    return pieces


def headset(rng: np.random.Generator) -> list[Piece]:
    """Two ear cups on a bow."""
    band, cup = random_colour(rng), random_colour(rng)
    radius, thick, size = rng.uniform(0.3, 0.42), rng.uniform(0.015, 0.05), rng.uniform(0.12, 0.22)
    deep = rng.uniform(0.05, 0.11)
    pieces = [
        ring([0, 0, 0.45], radius, thick, band, axis=0, least=0.4),
        mirrored(bar([0, radius, 0.45], [0, radius, 0.25], thick, thick, band, 0.02)),
        mirrored(ball([0, radius - deep * 0.3, 0.22], [size, deep, size * rng.uniform(1, 1.3)], cup, 0.02)),
    ]
    if rng.random() < 0.5:
        pieces.append(bar([0, radius, 0.15], [0.25, radius * 0.6, 0.05], 0.014, 0.02, band))
    return pieces

"""Random toys: figures, animals, vehicles, aircraft, as pieces (`synthetic.implicit_surfaces`).

Upright, z up, ahead along x; about 1 long or high.
"""

from __future__ import annotations

import numpy as np

from img2mesh.synthetic.implicit_surfaces import Piece, ball, bar, block, lathe, mirrored, wheel
from img2mesh.synthetic.procedural_textures import random_colour


def figure(rng: np.random.Generator) -> list[Piece]:
    """A figure of a person or creature, often with a big head."""
    skin, top, legs, other = (random_colour(rng) for _ in range(4))
    big, stout, blend = rng.uniform(0.1, 0.3), rng.uniform(0.1, 0.24), rng.uniform(0, 0.08)
    hip = rng.uniform(0.15, 0.5)
    neck = hip + rng.uniform(0.25, 0.45)
    limb, apart = rng.uniform(0.035, 0.09), stout * rng.uniform(0.4, 1.0)
    pieces = [
        bar(
            [0, 0, hip],
            [rng.uniform(-0.05, 0.05), 0, neck - stout * 0.4],
            stout,
            stout * rng.uniform(0.7, 1.1),
            top,
            blend,
        ),
        ball(
            [rng.uniform(0, 0.06), 0, neck + big * 0.8],
            [big * rng.uniform(0.8, 1.1), big * rng.uniform(0.85, 1.3), big],
            skin,
            blend,
        ),
        mirrored(
            bar(
                [0, apart, hip],
                [rng.uniform(-0.1, 0.1), apart * rng.uniform(1, 1.6), limb],
                limb * 1.2,
                limb,
                legs,
                blend,
            )
        ),
        mirrored(ball([0.05, apart * 1.3, 0.03], [limb * 2.2, limb * 1.3, limb], other, blend)),
    ]
    for side in (1, -1):
        if side == 1 or rng.random() < 0.5:  # else both arms do the same
            lift, ahead = rng.uniform(-1.4, 1.0), rng.uniform(-0.2, 0.8)
        long = rng.uniform(0.2, 0.4)
        start = np.array([0, side * stout * 0.9, neck - 0.06])
        hand = start + long * np.array(
            [np.sin(ahead) * np.cos(lift), side * np.cos(lift) * np.cos(ahead), np.sin(lift)]
        )
        pieces += [
            bar(start, hand, limb, limb * 0.8, top, blend),
            ball(hand, limb * rng.uniform(1, 1.6), skin, blend),
        ]
    if rng.random() < 0.5:  # ears or horns
        up = neck + big * 1.5
        pieces.append(
            mirrored(
                bar(
                    [0, big * 0.5, up],
                    [0, big * rng.uniform(0.4, 1.2), up + rng.uniform(0.03, 0.2)],
                    big * 0.3,
                    big * 0.1,
                    other,
                    0.03,
                )
            )
        )
    if rng.random() < 0.4:  # a hat, a shell or a rucksack
        pieces.append(ball([0, 0, neck + big * 1.4], [big * 1.1, big * 1.1, big * 0.5], other, 0.02))
    if rng.random() < 0.3:
        pieces.append(
            ball([-stout, 0, (hip + neck) / 2], [stout * 0.8, stout, (neck - hip) * 0.6], other, 0.02)
        )
    if rng.random() < 0.3:
        pieces.append(lathe([-0.04, 0.0], [rng.uniform(0.2, 0.4)] * 2, random_colour(rng)))
    return pieces


def animal(rng: np.random.Generator) -> list[Piece]:
    """An animal on four legs or two, or a fish."""
    skin, belly, other = (random_colour(rng) for _ in range(3))
    long, stout, blend = rng.uniform(0.15, 0.35), rng.uniform(0.09, 0.22), rng.uniform(0.03, 0.12)
    kind = rng.choice(["four", "two", "fish"], p=[0.5, 0.3, 0.2])
    high = 0.0 if kind == "fish" else rng.uniform(0.12, 0.4)
    rise = rng.uniform(-0.05, 0.1) if kind == "four" else rng.uniform(0.05, 0.35) * (kind == "two")
    back, front = np.array([-long, 0, high + stout]), np.array([long, 0, high + stout + rise])
    head = front + np.array([rng.uniform(0.1, 0.25), 0, rng.uniform(-0.1, 0.3) * (kind != "fish")])
    pieces = [
        bar(back, front, stout * rng.uniform(0.7, 1.1), stout * rng.uniform(0.7, 1.1), skin, blend),
        bar(front, head, stout * 0.6, stout * 0.45, skin, blend),
        ball(head, stout * rng.uniform(0.5, 0.9) * np.array([rng.uniform(1, 1.8), 1, 1]), skin, blend),
        bar(
            back,
            back + np.array([-rng.uniform(0.1, 0.5), 0, rng.uniform(-0.15, 0.2)]),
            stout * rng.uniform(0.2, 0.7),
            0.02,
            skin,
            blend,
        ),
    ]
    foot = rng.uniform(0.03, 0.07)
    if kind != "fish":
        pieces.append(
            mirrored(
                bar(
                    back + np.array([0.03, stout * 0.6, 0]),
                    [-long + rng.uniform(-0.1, 0.1), stout * 0.8, foot],
                    foot * 1.5,
                    foot,
                    skin,
                    blend,
                )
            )
        )
        tip = [long + rng.uniform(-0.1, 0.1), stout * 0.8, foot]
        if kind == "two":
            tip = front + np.array([rng.uniform(0.05, 0.25), stout * 0.9, -rng.uniform(0.0, 0.2)])
            if rng.random() < 0.4:  # wings
                span = rng.uniform(0.3, 0.7)
                pieces.append(
                    block(
                        front - [0.1, 0, 0],
                        [rng.uniform(0.08, 0.2), span, 0.025],
                        other,
                        0.02,
                        0.04,
                        rng.uniform(0, 0.5),
                    )
                )
        pieces.append(
            mirrored(bar(front + np.array([-0.03, stout * 0.6, 0]), tip, foot * 1.5, foot, skin, blend))
        )
    else:
        pieces.append(
            block(back - [0.1, 0, 0], [0.06, stout * rng.uniform(0.8, 1.8), 0.02], other, 0.02, 0.06, 0.3)
        )
        pieces.append(
            mirrored(
                bar([0, stout * 0.8, stout * 0.6], [-0.1, stout * 2, stout * 0.2], 0.05, 0.02, other, 0.04)
            )
        )
    if rng.random() < 0.5:
        up = head + np.array([0, stout * 0.3, stout * 0.4])
        pieces.append(
            mirrored(
                bar(
                    up,
                    up + np.array([rng.uniform(-0.05, 0.1), 0.03, rng.uniform(0.03, 0.18)]),
                    0.04,
                    0.015,
                    other,
                    0.02,
                )
            )
        )
    pieces.append(ball([0, 0, high + stout * 0.6], [long, stout * 0.8, stout * 0.6], belly, blend))
    return pieces


def vehicle(rng: np.random.Generator) -> list[Piece]:
    """A car, bus or lorry."""
    body, cabin, glass, tyre = (
        random_colour(rng),
        random_colour(rng),
        np.full(3, rng.uniform(0.05, 0.7)),
        np.full(3, rng.uniform(0.05, 0.3)),
    )
    wide, low, round_ = rng.uniform(0.14, 0.26), rng.uniform(0.06, 0.18), rng.uniform(0.005, 0.1)
    radius = rng.uniform(0.05, 0.13)
    pieces = [block([0, 0, radius + low], [0.5, wide, low], body, round_)]
    length = rng.uniform(0.15, 0.5)
    at = rng.uniform(-0.5 + length, 0.5 - length)
    high = rng.uniform(0.04, 0.14)
    top = radius + 2 * low
    pieces.append(
        block(
            [at, 0, top + high * 0.8],
            [length, wide * rng.uniform(0.8, 1), high],
            cabin,
            round_,
            rng.uniform(0, 0.06),
        )
    )
    pieces.append(
        block(
            [at, 0, top + high * 0.9], [length * rng.uniform(0.7, 1.02), wide * 1.01, high * 0.5], glass, 0.01
        )
    )
    axles = [-0.32, 0.32] if rng.random() < 0.8 else [-0.35, 0.05, 0.35]
    pieces += [mirrored(wheel([x, wide, radius], radius, rng.uniform(0.02, 0.05), tyre)) for x in axles]
    if rng.random() < 0.3:
        pieces.append(
            bar([at, 0, top + high], [at + rng.uniform(-0.2, 0.2), 0, top + high * 3], 0.05, 0.04, body)
        )
    return pieces


def aircraft(rng: np.random.Generator) -> list[Piece]:
    """An aeroplane, sometimes a biplane."""
    body, wing, other = (random_colour(rng) for _ in range(3))
    stout, span, chord, thin = (
        rng.uniform(0.05, 0.12),
        rng.uniform(0.3, 0.6),
        rng.uniform(0.07, 0.16),
        rng.uniform(0.012, 0.03),
    )
    z, at, sweep = rng.uniform(-0.06, 0.08), rng.uniform(-0.05, 0.2), rng.uniform(-0.05, 0.5)
    pieces = [
        bar([-0.48, 0, rng.uniform(0, 0.06)], [-0.1, 0, 0], stout * 0.4, stout, body),
        bar([-0.1, 0, 0], [0.4, 0, 0], stout, stout * rng.uniform(0.6, 1), body, 0.02),
        block([at, 0, z], [chord, span, thin], wing, thin, 0.02, sweep),
        block([-0.42, 0, 0.03], [chord * 0.5, span * rng.uniform(0.3, 0.5), thin], wing, thin, 0.01, sweep),
        block([-0.44, 0, 0.1], [chord * 0.5, thin, rng.uniform(0.06, 0.14)], wing, thin, 0.01),
    ]
    if rng.random() < 0.3:  # a second wing, or an engine under each
        gap = rng.uniform(0.15, 0.25)
        pieces.append(block([at, 0, z + gap], [chord, span, thin], wing, thin))
        pieces += [
            mirrored(bar([at, span * s, z], [at, span * s, z + gap], 0.012, 0.012, other))
            for s in (0.25, 0.75)
        ]
    elif rng.random() < 0.4:
        pieces.append(
            mirrored(
                bar(
                    [at - 0.05, span * 0.45, z - 0.06],
                    [at + 0.12, span * 0.45, z - 0.06],
                    0.04,
                    0.04,
                    other,
                    0.02,
                )
            )
        )
    if rng.random() < 0.5:
        pieces.append(block([0.42 + stout * 0.5, 0, 0], [0.012, 0.02, rng.uniform(0.1, 0.2)], other, 0.01))
    if rng.random() < 0.5:
        pieces.append(mirrored(wheel([at, 0.1, -stout - 0.06], 0.04, 0.02, np.full(3, 0.1))))
        pieces.append(mirrored(bar([at, 0.1, -stout - 0.06], [at, 0.05, 0], 0.015, 0.015, other)))
    if rng.random() < 0.6:
        pieces.append(ball([rng.uniform(0, 0.2), 0, stout], [0.12, stout * 0.7, stout * 0.8], other, 0.01))
    return pieces

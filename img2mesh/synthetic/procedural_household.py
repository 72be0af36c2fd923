"""Random household things: jugs, teapots, bells, caddies, bags, hats, devices, brushes, lamps, plants, as pieces.

Upright, z up, ahead along x; about 1 long or high (`synthetic.implicit_surfaces`).
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from img2mesh.synthetic.implicit_surfaces import Piece, ball, bar, block, lathe, mirrored, ring
from img2mesh.synthetic.procedural_textures import random_colour


def jug(rng: np.random.Generator) -> list[Piece]:
    """A jug, teapot, kettle or watering can: a belly with spout and handle, open, or closed by a lid."""
    skin, inside, other = (random_colour(rng) for _ in range(3))
    high, wide, oval = rng.uniform(0.4, 0.9), rng.uniform(0.22, 0.4), rng.uniform(0.75, 1.0)
    heights = np.linspace(0, high, 6)
    radii = wide * np.array(
        [rng.uniform(0.5, 1), *np.sort(rng.uniform(0.75, 1, 3))[rng.permutation(3)], 0, 0]
    )
    radii[4], radii[5] = wide * rng.uniform(0.5, 0.9), wide * rng.uniform(0.4, 0.9)
    pieces = [lathe(heights, radii, skin, oval)]
    closed = rng.random() < 0.5
    low, tip = high * rng.uniform(0.2, 0.6), high * rng.uniform(0.85, 1.15)
    pieces.append(
        bar([wide * 0.7, 0, low], [wide * rng.uniform(1.4, 2.0), 0, tip], wide * 0.25, wide * 0.1, skin, 0.05)
    )
    thick = rng.uniform(0.02, 0.045)
    if rng.random() < 0.3:  # an arch over the top
        pieces.append(ring([0, 0, high * 0.95], wide * 0.85, thick, other, axis=1, least=high * 0.9))
    else:
        size = rng.uniform(0.25, 0.4) * high
        pieces.append(ring([-wide * 0.9, 0, high * 0.55], size, thick, other, axis=1))
        pieces = [pieces[-1], *pieces[:-1]]  # so that the hollow cuts off what is inside
    if closed:
        pieces.append(ball([0, 0, high], [radii[5] * 1.05, radii[5] * 1.05 * oval, 0.08], other, 0.01))
        pieces.append(ball([0, 0, high + 0.1], rng.uniform(0.03, 0.06), other, 0.02))
    else:
        wall = rng.uniform(0.02, 0.05)
        narrow = np.minimum(radii, np.interp(heights + wall, heights, radii))
        cut = lathe(heights + wall, np.maximum(narrow - wall, 0.03), inside, oval)
        pieces.append(dataclasses.replace(cut, hollow=True))
    return pieces


def bell(rng: np.random.Generator) -> list[Piece]:
    """A bell, funnel, goblet or egg cup: what flares at one end, hollow there, and is held at the other."""
    skin, inside, grip = (random_colour(rng) for _ in range(3))
    mouth, waist, cup = rng.uniform(0.25, 0.45), rng.uniform(0.04, 0.2), rng.uniform(0.3, 0.7)
    power = rng.uniform(0.4, 2.5)
    share = np.linspace(0, 1, 10)
    radii = mouth + (waist - mouth) * share**power
    wall = rng.uniform(0.02, 0.045)
    pieces = [lathe(share * cup, radii, skin)]
    deep = np.maximum(radii - wall, 0.005)
    hollow = lathe(share * cup * 0.93 - 0.01, deep, inside)
    goblet = rng.random() < 0.4
    handle = "stem" if goblet else rng.choice(["stem", "loop", "knob"])
    if handle == "stem":
        pieces.append(bar([0, 0, cup], [0, 0, 1], waist * 0.7, rng.uniform(0.02, 0.08), grip, 0.02))
    elif handle == "loop":
        pieces.append(ring([0, 0, cup + 0.1], 0.1, rng.uniform(0.015, 0.03), grip, axis=1))
    else:
        pieces.append(ball([0, 0, cup + 0.04], rng.uniform(0.04, 0.12), grip, 0.03))
    pieces.append(dataclasses.replace(hollow, hollow=True))
    if goblet:  # the other way up, on a foot
        foot = lathe([0.97, 1.0], [mouth * rng.uniform(0.5, 1)] * 2, grip)
        return [_upside_down(piece) for piece in [*pieces, foot]]
    if rng.random() < 0.5:
        pieces.append(ball([0, 0, cup * 0.15], 0.05, grip))
    return pieces


def _upside_down(piece: Piece) -> Piece:
    """The piece turned over about the x axis, between heights 0 and 1."""
    low, high = piece.low * [1, -1, -1] + [0, 0, 1], piece.high * [1, -1, -1] + [0, 0, 1]
    return dataclasses.replace(
        piece,
        distance=lambda p: piece.distance(p * [1, -1, -1] + [0, 0, 1]),
        low=np.minimum(low, high),
        high=np.maximum(low, high),
    )


def caddy(rng: np.random.Generator) -> list[Piece]:
    """A carrier, organiser, tray or rack: a box of several hollows, often with a handle over it."""
    skin, inside, other = (random_colour(rng) for _ in range(3))
    if rng.random() < 0.6:
        inside = skin
    half = np.array([0.5, rng.uniform(0.2, 0.5), rng.uniform(0.06, 0.3)])
    wall, round_ = rng.uniform(0.014, 0.03), rng.choice([0.01, 0.05, 0.12])
    pieces = [block([0, 0, half[2]], half, skin, round_)]
    rows, columns = (1, 2) if rng.random() < 0.5 else (int(rng.integers(1, 4)), int(rng.integers(1, 5)))
    edges = [np.linspace(-half[k], half[k], n + 1) for k, n in enumerate((columns, rows))]
    floor = rng.uniform(1.0, 2.0) * wall
    for i in range(columns):
        for j in range(rows):
            if rng.random() < 0.08:
                continue
            a, b = np.array([edges[0][i], edges[1][j]]), np.array([edges[0][i + 1], edges[1][j + 1]])
            middle, size = (a + b) / 2, (b - a) / 2 - wall
            hole = block([*middle, floor + half[2] * 2], [*size, half[2] * 2], inside, round_ * 0.5)
            pieces.append(dataclasses.replace(hole, hollow=True))
    if rng.random() < 0.7:
        thick, rise = rng.uniform(0.015, 0.03), rng.uniform(0.05, 0.4)
        if rng.random() < 0.5:  # a wall in the middle with a grip
            pieces.append(block([0, 0, half[2] + rise / 2], [0.46, wall, half[2] + rise / 2], other, 0.02))
            if rise > 0.12:
                gap = block([0, 0, 2 * half[2] + rise * 0.45], [0.2, wall * 3, rise * 0.25], other, 0.02)
                pieces.append(dataclasses.replace(gap, hollow=True))
        else:
            top = 2 * half[2] + rise
            pieces.append(bar([-0.35, 0, top], [0.35, 0, top], thick, thick, other))
            for x in (-0.35, 0.35):
                pieces.append(bar([x * 1.3, 0, 2 * half[2] - 0.02], [x, 0, top], thick, thick, other))
    return pieces


def bag(rng: np.random.Generator) -> list[Piece]:
    """A bag, rucksack, pouch or cushion: something soft, with handles, straps and pockets."""
    skin, pocket, strap = (random_colour(rng) for _ in range(3))
    wide, deep, high = rng.uniform(0.25, 0.5), rng.uniform(0.08, 0.28), rng.uniform(0.3, 0.5)
    pieces = [block([0, 0, high], [deep, wide, high], skin, rng.uniform(0.3, 0.95) * deep)]
    swell = rng.uniform(0.9, 1.5)
    pieces.append(ball([0, 0, high * 0.8], [deep * swell, wide * 0.95, high * 0.85], skin, 0.1))
    if rng.random() < 0.6:
        size = [deep * 0.4, wide * rng.uniform(0.4, 0.8), high * rng.uniform(0.3, 0.5)]
        pieces.append(block([deep * swell * 0.9, 0, high * 0.55], size, pocket, 0.03, 0.03))
    kind = rng.choice(["handles", "straps", "flap", "none"])
    thick = rng.uniform(0.014, 0.03)
    if kind == "handles":
        for x in (-deep * 0.6, deep * 0.6):
            pieces.append(
                ring([x, 0, 2 * high - 0.03], wide * rng.uniform(0.3, 0.6), thick, strap, 0, 2 * high - 0.05)
            )
    elif kind == "straps":
        across = wide * rng.uniform(0.3, 0.7)
        path = [[-deep, across, 1.8 * high], [-deep - 0.12, across, 1.3 * high], [-deep, across, 0.3 * high]]
        pieces += [
            mirrored(bar(a, b, thick * 1.5, thick * 1.5, strap, 0.02)) for a, b in itertools.pairwise(path)
        ]
        pieces.append(ring([-deep * 0.5, 0, 2 * high], 0.06, thick, strap, axis=0))
    elif kind == "flap":
        size = [deep * swell * 1.02, wide * 0.96, high * rng.uniform(0.2, 0.45)]
        pieces.append(block([0.02, 0, 2 * high - size[2]], size, pocket, 0.08, 0.02))
    return pieces


def hat(rng: np.random.Generator) -> list[Piece]:
    """A hat, cap, helmet or lampshade, open below."""
    skin, brim, band = (random_colour(rng) for _ in range(3))
    high, oval, top = rng.uniform(0.25, 0.5), rng.uniform(0.8, 1.0), rng.uniform(0.5, 1.0)
    round_ = rng.random() < 0.5
    if round_:
        crown = ball([0, 0, 0], [0.36, 0.36 * oval, high], skin)
    else:
        crown = lathe([0, high * 0.9, high], [0.36, 0.36 * top, 0.3 * top], skin, oval)
    pieces = [crown]
    if rng.random() < 0.5:  # all round
        reach = rng.uniform(0.42, 0.65)
        pieces.append(lathe([0, rng.uniform(0.02, 0.05)], [reach, reach], brim, oval))
    else:  # a peak
        pieces.append(ball([0.3, 0, 0.0], [0.3, 0.27 * oval, rng.uniform(0.03, 0.06)], brim, 0.02))
    if rng.random() < 0.5:
        pieces.append(lathe([0.03, high * 0.25], [0.372, 0.37], band, oval))
    below = block([0, 0, -0.5], [1, 1, 0.5], skin)
    wall = rng.uniform(0.02, 0.05)
    if round_:
        inner = ball([0, 0, -0.01], [0.36 - wall, (0.36 - wall) * oval, high - wall], skin)
    else:
        inner = lathe([-0.1, high * 0.9 - wall], [0.36 - wall, 0.36 * top - wall], skin, oval)
    pieces += [dataclasses.replace(piece, hollow=True) for piece in (below, inner)]
    if rng.random() < 0.3:
        pieces.append(ball([0, 0, high], rng.uniform(0.02, 0.09), band, 0.02))
    return pieces


def device(rng: np.random.Generator) -> list[Piece]:
    """A camera, radio, console, router, clock or toaster: a rounded body with knobs, lens, keys, feet, an aerial."""
    body, face, part, other = (random_colour(rng) for _ in range(4))
    half = np.array([rng.uniform(0.06, 0.4), rng.uniform(0.25, 0.5), rng.uniform(0.05, 0.4)])
    round_ = rng.choice([0.01, 0.04, 0.12])
    base = rng.uniform(0, 0.06)
    middle = half[2] + base
    pieces = [block([0, 0, middle], half, body, round_)]
    front = half[0]
    if rng.random() < 0.6:
        size = [0.02, half[1] * rng.uniform(0.4, 0.9), half[2] * rng.uniform(0.4, 0.9)]
        pieces.append(block([front, 0, middle], size, face, 0.01))
    for _ in range(int(rng.integers(0, 3))):  # lens, loudspeaker
        size, long = rng.uniform(0.05, min(half[1], half[2]) * 0.8 + 0.05), rng.uniform(0.02, 0.25)
        at = [rng.uniform(-0.5, 0.5) * half[1], middle + rng.uniform(-0.3, 0.3) * half[2]]
        pieces.append(bar([front - size * 0.5, *at], [front + long - size * 0.5, *at], size, size, part))
    for _ in range(int(rng.integers(0, 7))):  # keys and knobs
        at = [front * 0.98, rng.uniform(-0.85, 0.85) * half[1], middle + rng.uniform(-0.8, 0.8) * half[2]]
        pieces.append(ball(at, [0.03, *np.repeat(rng.uniform(0.02, 0.05), 2)], other))
    if rng.random() < 0.4:
        size = [half[0] * 0.6, half[1] * rng.uniform(0.1, 0.5), 0.04]
        pieces.append(block([0, rng.uniform(-0.4, 0.4) * half[1], middle + half[2]], size, part, 0.02))
    if rng.random() < 0.25:
        y = half[1] * rng.choice([-0.9, 0.9])
        pieces.append(bar([0, y, middle], [0, y * rng.uniform(0.8, 1.4), middle + 0.5], 0.014, 0.014, other))
    if base > 0.02:
        places = ([x, half[1] * 0.7, base] for x in (-front * 0.6, front * 0.6))
        pieces += [mirrored(ball(place, [0.05, 0.05, base], other)) for place in places]
    if rng.random() < 0.2:
        slot = block([0, 0, middle + half[2]], [half[0] * 0.25, half[1] * 0.7, half[2] * 0.8], other)
        pieces.append(dataclasses.replace(slot, hollow=True))
    return pieces


def brush(rng: np.random.Generator) -> list[Piece]:
    """A brush, comb, bat, racket, iron or torch: a head on a grip that lies along x."""
    grip, head, hair = (random_colour(rng) for _ in range(3))
    thick = rng.uniform(0.02, 0.06)
    pieces = [bar([-0.5, 0, 0.06], [0.1, 0, 0.06 + rng.uniform(-0.03, 0.1)], thick, thick * 0.8, grip, 0.02)]
    kind = rng.choice(["brush", "torch", "paddle", "iron"])
    if kind == "brush":
        size = [rng.uniform(0.1, 0.25), rng.uniform(0.03, 0.12), 0.03]
        pieces.append(block([0.3, 0, 0.08], size, head, 0.02, 0.03))
        long = rng.uniform(0.04, 0.15)
        pieces.append(block([0.3, 0, 0.08 - long], [size[0] * 0.9, size[1] * 0.9, long], hair, 0.02))
    elif kind == "torch":
        wide = thick * rng.uniform(1.2, 2.5)
        pieces.append(bar([0.1, 0, 0.06], [0.4, 0, 0.06], thick, wide, head, 0.01))
    elif kind == "paddle":
        size = [rng.uniform(0.15, 0.3), rng.uniform(0.1, 0.25), rng.uniform(0.014, 0.03)]
        pieces.append(ball([0.3, 0, 0.08], size, head, 0.02))
    else:
        wide = rng.uniform(0.1, 0.2)
        pieces = [ball([0.1, 0, 0.08], [0.5, wide, rng.uniform(0.05, 0.12)], head, 0.02)]
        low = block([0, 0, -0.5], [1, 1, 0.52], hair)
        pieces.append(dataclasses.replace(low, hollow=True))
        pieces.append(ring([-0.05, 0, 0.12], 0.22, thick * 0.8, grip, axis=1, least=0.12))
    return pieces


def lamp(rng: np.random.Generator) -> list[Piece]:
    """A lamp, candlestick, trophy, stool or small table: a foot, a stem, and something on top."""
    foot, stem, top = (random_colour(rng) for _ in range(3))
    wide, high = rng.uniform(0.12, 0.35), rng.uniform(0.45, 0.75)
    pieces = [lathe([0, rng.uniform(0.02, 0.08), 0.1], [wide, wide, wide * 0.3], foot)]
    knots = np.linspace(0.05, high, 8)
    pieces.append(lathe(knots, rng.uniform(0.02, 0.09, 8), stem))
    kind = rng.choice(["shade", "globe", "plate", "cup"])
    if kind == "shade":
        low, up = rng.uniform(0.2, 0.45), rng.uniform(0.1, 0.3)
        pieces.append(lathe([high - 0.05, 1], [low, up], top))
        if rng.random() < 0.7:
            cut = lathe([high - 0.07, 0.97], [low - 0.025, up - 0.025], top)
            pieces += [dataclasses.replace(cut, hollow=True), bar([0, 0, 0.1], [0, 0, 0.9], 0.02, 0.02, stem)]
    elif kind == "globe":
        size = rng.uniform(0.1, 0.28)
        pieces.append(ball([0, 0, high + size * 0.8], [size, size, size * rng.uniform(0.8, 1.3)], top))
    elif kind == "plate":
        size = rng.uniform(0.25, 0.5)
        pieces.append(lathe([high, high + rng.uniform(0.03, 0.1)], [size, size], top))
        if rng.random() < 0.5:
            pieces = pieces[-1:]
            legs = [(size * 0.7, size * 0.7), (-size * 0.7, size * 0.7)]
            out = rng.uniform(0.8, 1.3)
            pieces += [mirrored(bar([x, y, high], [x * out, y * out, 0], 0.03, 0.02, stem)) for x, y in legs]
    else:
        size = rng.uniform(0.15, 0.35)
        pieces.append(ball([0, 0, high + size * 0.7], [size, size, size], top))
        pieces.append(ball([0, 0, high + size * 0.9], [size * 0.85, size * 0.85, size], foot, hollow=True))
        flat = block([0, 0, high + size * 1.8], [1, 1, size], top)
        pieces.append(dataclasses.replace(flat, hollow=True))
        if rng.random() < 0.4:
            pieces.append(mirrored(ring([0, size, high + size * 0.5], size * 0.4, 0.02, stem, axis=0)))
    return pieces


def plant(rng: np.random.Generator) -> list[Piece]:
    """A plant in a pot, a bunch of flowers, or a fruit."""
    pot, leaf, bloom = (
        random_colour(rng),
        rng.uniform([0.1, 0.25, 0.05], [0.5, 0.7, 0.35]),
        random_colour(rng),
    )
    if rng.random() < 0.25:  # a fruit with its stalk
        radii = rng.uniform(0.3, 0.5, 3)
        pieces = [ball([0, 0, 0.5], radii, bloom), bar([0, 0, 0.5], [0.05, 0, 1.0], 0.02, 0.03, leaf)]
        if rng.random() < 0.5:
            pieces.append(ball([0.15, 0, 0.98], [0.15, 0.06, 0.02], leaf))
        return pieces
    high = rng.uniform(0.15, 0.4)
    wide = rng.uniform(0.1, 0.25)
    pieces = [lathe([0, high], [wide * rng.uniform(0.6, 1), wide], pot)]
    pieces.append(dataclasses.replace(lathe([high - 0.04, high + 0.1], [wide * 0.85] * 2, leaf), hollow=True))
    for _ in range(int(rng.integers(3, 14))):
        angle, lean, long = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.9), rng.uniform(0.2, 0.6)
        tip = np.array(
            [
                np.cos(angle) * np.sin(lean) * long,
                np.sin(angle) * np.sin(lean) * long,
                high + np.cos(lean) * long,
            ]
        )
        thick = rng.uniform(0.014, 0.03)
        pieces.append(bar([0, 0, high - 0.06], tip, thick, thick * 0.8, leaf))
        if rng.random() < 0.8:
            colour = bloom if rng.random() < 0.4 else leaf * rng.uniform(0.7, 1.2)
            pieces.append(ball(tip, rng.uniform(0.03, 0.14, 3), colour, 0.02))
    return pieces

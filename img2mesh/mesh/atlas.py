"""An atlas: charts of the surface laid out side by side in the unit square."""

from __future__ import annotations

import numpy as np

# Between charts, of the texture's side, and texels at least: each chart's colours go on over half of it, so that mip
# levels down to an eighth of the side, and bilinear look-ups in them, stay within one chart's colours.
PADDING, PADDING_LEAST = 1 / 128, 4
PACKED = 1024  # texels of the side at which charts are laid out at most: finer takes longer and fills no more
PART = 24000  # faces that are cut into charts together at most: more are dealt out to the cores
# Of more faces than MANY, FEW together: a chart of many faces takes long. Seams of smaller surfaces would be a fifth
# longer so, those of larger ones are not.
MANY, FEW = 48000, 6000


def unwrap(vertices: np.ndarray, faces: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut a surface into charts that flatten with little stretch, and pack them (xatlas).

    Args:
        vertices: (V, 3) and faces (F, 3): a surface without seams.
        size: side of the texture in texels, which sets the padding between charts.

    Returns:
        source: (V',) int64, the vertex that each vertex of the atlas is a copy of.
        faces: (F, 3) int64 into the V' vertices, in the order of the given faces.
        uv: (V', 2) float64 in [0, 1], (0, 0) the lower left corner.
    """
    import xatlas

    charts = xatlas.ChartOptions()
    charts.max_cost = 4.0  # fewer, larger charts than the default 2.0, so fewer seams
    packing = xatlas.PackOptions()
    packing.resolution = min(size, PACKED)
    packing.padding = max(PADDING_LEAST, round(PADDING * packing.resolution))
    packing.bilinear = True
    atlas = xatlas.Atlas()
    together = PART if len(faces) <= MANY else FEW
    parts = _parts(vertices[faces].mean(axis=1), np.arange(len(faces)), together)
    used = []
    for part in parts:
        of, local = np.unique(faces[part], return_inverse=True)
        used.append(of)
        atlas.add_mesh(vertices[of].astype(np.float32), local.reshape(-1, 3).astype(np.uint32))
    atlas.generate(charts, packing)
    sources, uvs, new_faces, count = [], [], np.empty((len(faces), 3), np.int64), 0
    for number, part in enumerate(parts):
        copied, own, place = atlas.get_mesh(number)
        new_faces[part] = own.astype(np.int64) + count
        sources.append(used[number][copied])
        uvs.append(place)
        count += len(copied)
    source, uv = np.concatenate(sources), np.concatenate(uvs)
    # xatlas gives each axis in units of its own length, and treats `resolution` as a wish.
    shape = np.array([atlas.width, atlas.height], dtype=np.float64)
    uv = uv.astype(np.float64) * shape / shape.max()
    uv[:, 1] = 1 - uv[:, 1]
    return source.astype(np.int64), new_faces, np.clip(uv, 0, 1)


def _parts(centres: np.ndarray, chosen: np.ndarray, most: int) -> list[np.ndarray]:
    """The chosen of some faces with centres (F, 3), halved across their longest extent until `most` are together."""
    if len(chosen) <= most:
        return [chosen]
    own = centres[chosen]
    order = np.argsort(own[:, np.ptp(own, axis=0).argmax()], kind="stable")
    half = len(order) // 2
    sides = np.sort(chosen[order[:half]]), np.sort(chosen[order[half:]])
    return [part for side in sides for part in _parts(centres, side, most)]

"""A broken mesh made whole, as far as that can be done without guessing a surface."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from img2mesh.errors import Img2MeshError
from img2mesh.finish.closest_point import ClosestPoint, texture_at
from img2mesh.finish.parts import nested_parts
from img2mesh.finish.printable import PrintAsk, make_printable
from img2mesh.finish.self_intersections import self_intersections
from img2mesh.finish.solid import arrays_of, solid_of
from img2mesh.mesh.corner_colours import corner_colours
from img2mesh.mesh.textured_mesh import TexturedMesh, face_components, is_closed, surface, volume, weld

CLOSE = 1e-6  # of the size: corners so near are one
LARGE_HOLE = 0.25  # of the whole area: a hole this large is no hole but a missing half
CRUMB = 1e-3  # of the whole area


def repair(mesh: TexturedMesh) -> tuple[TexturedMesh, list[str]]:
    """One closed surface, wound outwards, without crossings, inner shells and crumbs; or the same, where it is that.

    Args:
        mesh: of any origin.

    Returns:
        The mesh and what was done, in sentences (none: nothing was wrong). Where new faces had to be made, colours go
        over from the nearest old ones.

    Raises:
        Img2MeshError: it is beyond repair: no volume is bounded, or too much of the surface is missing.
    """
    done: list[str] = []
    finite = np.isfinite(mesh.vertices).all(axis=1)[mesh.faces].all(axis=1)
    if not finite.all():
        done.append(f"{int((~finite).sum())} triangles with corners that are no numbers were dropped.")
        mesh = replace(mesh, faces=mesh.faces[finite])
    if not len(mesh.faces):
        raise Img2MeshError("There is nothing to repair: no triangle is left.")
    vertices, faces = weld(mesh.vertices, mesh.faces)
    if is_closed(faces) and _sound(vertices, faces):
        return mesh, done
    vertices, faces = _cleaned(vertices, faces, done)
    vertices, faces = _wound(vertices, faces, done)
    if not is_closed(faces):
        vertices, faces = _filled(vertices, faces, done)
    vertices, faces = _without_shells(vertices, faces, done)
    crossing = len(self_intersections(vertices, faces, most=1)) > 0
    solid = None if crossing else solid_of(vertices, faces)
    if solid is not None:
        vertices, faces = arrays_of(solid)
        vertices, faces = arrays_of(solid_of(_single(vertices), faces) or solid)
    if solid is None or not is_closed(faces):
        if not is_closed(faces) and not _evenly(faces):
            raise Img2MeshError(
                "It is beyond repair: its surface does not close, however its holes are filled."
            )
        # In millimetres, as they are written: positions are rounded to what files hold.
        made, _ = make_printable(_painted(mesh, vertices, faces, 1000.0), PrintAsk())
        made = replace(made, vertices=made.vertices / 1000)
        done.append("Parts that pass through each other were united on a grid; the surface was made anew.")
        return made, done
    return _painted(mesh, vertices, faces), done


def _single(vertices: np.ndarray) -> np.ndarray:
    """Positions as files store them."""
    return vertices.astype(np.float32).astype(np.float64)


def _sound(vertices: np.ndarray, faces: np.ndarray) -> bool:
    """A closed surface that needs nothing: outward, one layer, no crossings, no crumbs."""
    number = face_components(faces, len(vertices))
    volumes = np.bincount(number, np.linalg.det(vertices[faces]) / 6)
    areas = np.asarray(surface(vertices, faces).area_faces)
    parts = np.bincount(number, areas)
    if (volumes <= 0).any() or (areas <= 0).any() or (parts < CRUMB * parts.sum()).any():
        return False
    if nested_parts(vertices, faces, number).any():
        return False
    return not len(self_intersections(vertices, faces, most=1))


def _cleaned(vertices: np.ndarray, faces: np.ndarray, done: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Near corners joined, faces without area and copies of faces dropped."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    size = float(np.ptp(vertices, axis=0).max()) or 1.0
    one, two = cKDTree(vertices).query_pairs(CLOSE * size, output_type="ndarray").reshape(-1, 2).T
    near = coo_matrix((np.ones(len(one)), (one, two)), shape=(len(vertices),) * 2)
    _, inverse = connected_components(near, directed=False)
    _, first = np.unique(inverse, return_index=True)
    joined = len(vertices) - len(first)
    vertices, faces = vertices[first], inverse[faces]
    a, b, c = faces.T
    good = (a != b) & (b != c) & (c != a)
    _, once = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    single = np.zeros(len(faces), bool)
    single[once] = True
    # Two copies that look opposite ways bound nothing; two that look the same way are one.
    dropped = int((~good).sum()), int((good & ~single).sum())
    if joined:
        done.append(f"{joined} corners were joined to others at the same place.")
    if dropped[0]:
        done.append(f"{dropped[0]} triangles without area were dropped.")
    if dropped[1]:
        done.append(f"{dropped[1]} copies of triangles were dropped.")
    return weld(vertices, faces[good & single])


def _wound(vertices: np.ndarray, faces: np.ndarray, done: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours wound alike, closed parts outwards."""
    from trimesh.repair import fix_winding

    mesh = surface(vertices, faces.copy())
    fix_winding(mesh)
    number = face_components(faces, len(vertices))
    wound = np.array(mesh.faces)
    volumes = np.bincount(number, np.linalg.det(vertices[wound] - vertices.mean(axis=0)) / 6)
    inwards = (volumes < 0)[number]
    wound[inwards] = wound[inwards][:, ::-1]
    turned = int((np.linalg.det(_order(wound, faces)) < 0).sum())
    if turned and turned < len(faces):
        done.append(f"{turned} triangles were turned to fit their neighbours.")
    elif turned:
        done.append("The surface was turned outwards.")
    return vertices, wound


def _order(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """(F, 3, 3) permutation from one order of each face's corners to another: its determinant tells a turned face."""
    return (one[:, :, None] == two[:, None, :]).astype(float)


def _filled(vertices: np.ndarray, faces: np.ndarray, done: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Every border loop closed by a fan around its middle.

    Raises:
        Img2MeshError: what is missing is too large to be guessed.
    """
    area = float(surface(vertices, faces).area)
    loops = border_loops(faces)
    new_vertices, new_faces, added = [vertices], [faces], 0.0
    count = len(vertices)
    for loop in loops:
        ring = vertices[loop]
        middle = ring.mean(axis=0)
        if len(loop) == 3:
            fan = loop[None, ::-1]
            added += float(np.linalg.norm(np.cross(ring[1] - ring[0], ring[2] - ring[0])) / 2)
        else:
            fan = np.stack([np.roll(loop, -1), loop, np.full(len(loop), count)], axis=1)
            across = np.cross(ring - middle, np.roll(ring, -1, axis=0) - middle)
            added += float(np.linalg.norm(across, axis=1).sum() / 2)
            new_vertices.append(middle[None])
            count += 1
        new_faces.append(fan)
    if added > LARGE_HOLE * area:
        raise Img2MeshError(
            f"It is beyond repair: holes of {100 * added / area:.0f} % of its area would have to be guessed."
        )
    if loops:
        done.append(f"{len(loops)} holes were filled ({100 * added / area:.2g} % of the area).")
    return np.concatenate(new_vertices), np.concatenate(new_faces)


def border_loops(faces: np.ndarray) -> list[np.ndarray]:
    """Closed chains of edges that have a face on one side only, each in the direction in which its faces pass it."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    ordered = np.sort(edges, axis=1)
    _, inverse, count = np.unique(ordered, axis=0, return_inverse=True, return_counts=True)
    following: dict[int, list[int]] = {}
    for start, end in edges[count[inverse.ravel()] == 1].tolist():
        following.setdefault(start, []).append(end)
    loops = []
    while following:
        start = next(iter(following))
        chain, place = [start], {start: 0}
        while True:
            ends = following.get(chain[-1])
            if not ends:  # a border that does not return: leave what is left of it
                following.pop(chain[-1], None)
                break
            end = ends.pop()
            if not ends:
                del following[chain[-1]]
            if end in place:  # the loop from there on is closed; the rest of the chain goes on
                loop = chain[place[end] :]
                if len(loop) >= 3:
                    loops.append(np.array(loop))
                for passed in loop[1:]:
                    del place[passed]
                chain = chain[: place[end] + 1]
                if len(chain) == 1 and chain[0] not in following:
                    break
                continue
            place[end] = len(chain)
            chain.append(end)
    return loops


def _without_shells(
    vertices: np.ndarray, faces: np.ndarray, done: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Without crumbs and closed surfaces that bound voids."""
    number = face_components(faces, len(vertices))
    volumes = np.bincount(number, np.linalg.det(vertices[faces]) / 6)
    areas = np.bincount(number, surface(vertices, faces).area_faces)
    present = np.bincount(number) > 0
    crumb = (areas < CRUMB * areas.sum()) & present
    shell = ((volumes < 0) | nested_parts(vertices, faces, number)) & present
    if crumb.any():
        done.append(f"{int(crumb.sum())} loose crumbs were dropped.")
    if (shell & ~crumb).any():
        done.append(f"{int((shell & ~crumb).sum())} inner shells were dropped.")
    kept = ~(crumb | shell)
    if not kept[number].any() or volume(vertices, faces[kept[number]]) <= 1e-9 * float(
        np.prod(np.ptp(vertices, axis=0) + 1e-12)
    ):
        raise Img2MeshError("It is beyond repair: it bounds no volume.")
    return weld(vertices, faces[kept[number]])


def _evenly(faces: np.ndarray) -> bool:
    """Every edge is passed as often in one direction as in the other: inside and outside can be told."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    _, inverse = np.unique(np.sort(edges, axis=1), axis=0, return_inverse=True)
    sign = np.where(edges[:, 0] < edges[:, 1], 1, -1)
    return not np.bincount(inverse.ravel(), sign).any()


def _painted(mesh: TexturedMesh, vertices: np.ndarray, faces: np.ndarray, scale: float = 1.0) -> TexturedMesh:
    """A surface with the nearest colours of a mesh at its corners, scaled."""
    size = float(np.ptp(vertices, axis=0).max())
    found = ClosestPoint(mesh.vertices, mesh.faces, size / 300)(vertices)
    uv = np.einsum("nk,nkc->nc", found.bary, mesh.uv[mesh.faces[found.face]])
    colours = np.clip(texture_at(mesh.texture, uv) + 0.5, 0, 255).astype(np.uint8)
    return corner_colours(scale * vertices, faces, colours[faces])

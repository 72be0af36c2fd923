"""Who finds the object in a photo: its alpha channel, a segmentation network, ours, its background's colours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from img2mesh.core.progress import Progress
from img2mesh.errors import Img2MeshError
from img2mesh.segment import models, own_network
from img2mesh.segment.alpha import filled_frame, is_disc, is_frame, object_in_frame, solid_alpha
from img2mesh.segment.checks import (
    ASSUMED,
    DOUBTFUL_BELOW,
    SMALLEST,
    faint_share,
    keep_object,
    outline_doubts,
)
from img2mesh.segment.matting import soft_edge
from img2mesh.segment.openings import open_mask
from img2mesh.segment.photo import Photo
from img2mesh.segment.plain import PLAIN, plain_mask
from img2mesh.segment.prompts import at_point, in_box
from img2mesh.segment.shadows import without_reflection
from img2mesh.segment.trust import Evidence, Found, at_a_loss, choose, disagreement, own_evidence
from img2mesh.settings import Settings, parse_pixels

DOUBTFUL = (
    "The cutout is doubtful: look at it with `img2mesh segment`, and show where the object is with --box x,y,w,h or "
    "--point x,y."
)


def find_object(image: Photo, settings: Settings, progress: Progress) -> Found:
    """The object of a photo, specks removed, judged; `settings.box` and `settings.point` say where to look.

    Raises:
        Img2MeshError: no object is found, or the segmenter asked for is unknown or cannot be had.
    """
    known = ("auto", "alpha", "plain", own_network.NAME, *models.MODELS, *models.REMBG_ONLY)
    if settings.segmenter not in known:
        raise Img2MeshError(f"Unknown segmenter {settings.segmenter!r}: choose one of {', '.join(known)}.")
    box, point = parse_pixels("box", settings.box, 4), parse_pixels("point", settings.point, 2)

    def find(part: Photo) -> Found:
        return judged(part, _found(part, settings, progress))

    if box is not None:
        return in_box(image, box, find)
    if point is not None:
        return at_point(image, point, find)
    return find(image)


def judged(image: Photo, found: Found) -> Found:
    """What was found without specks, how sure it is, and what to tell the user of it.

    Raises:
        Img2MeshError: nothing is left, or all of the frame.
    """
    alpha, doubts = keep_object(found.alpha)
    if found.evidence is None:
        return replace(found, alpha=alpha, warnings=(*found.warnings, *doubts))
    faint = faint_share(image.rgb, alpha)
    sure = found.evidence.confidence(found.method, faint)
    if any("separate objects" in sentence for sentence in doubts):
        sure *= ASSUMED  # one of them may be meant
    said = (*found.warnings, *doubts, *disagreement(found.evidence), *outline_doubts(faint))
    if sure < DOUBTFUL_BELOW and not any("doubtful" in sentence for sentence in said):
        said = (*said, DOUBTFUL)
    return replace(found, alpha=alpha, warnings=said, confidence=sure)


def _found(image: Photo, settings: Settings, progress: Progress) -> Found:
    wanted = settings.segmenter
    if wanted == "alpha" or (wanted == "auto" and image.alpha is not None):
        return _by_alpha(image, settings, progress)
    if wanted in models.REMBG_ONLY:
        from img2mesh.segment.network import rembg_mask

        return _by_model(image, rembg_mask(image.rgb, wanted), wanted)
    if wanted == "plain":
        return _by_colours(image, progress)
    if wanted == own_network.NAME:
        folder = own_network.find_weights()
        if folder is None:
            raise Img2MeshError("The cutout network's weights are not there: choose another --segmenter.")
        return _as_own(image, own_network.own_mask(image.rgb, folder), progress)
    failed: tuple[str, ...] = ()
    try:
        name, path = _model(wanted, settings, progress)
    except Img2MeshError as error:
        if wanted != "auto":
            raise
        failed = (f"{error} The object was found without that model.",)
    else:
        if path is not None:
            from img2mesh.segment.network import predict_mask

            progress.note(f"the object is found by {name}")
            return _by_model(image, predict_mask(image.rgb, name, path), name)
    found = _offline(image, progress)
    return replace(found, warnings=(*failed, *found.warnings))


def _by_alpha(image: Photo, settings: Settings, progress: Progress) -> Found:
    if image.alpha is None:
        raise Img2MeshError("The photo has no alpha channel that shows an object; try --segmenter auto.")
    framed = settings.segmenter == "auto" and is_frame(image.alpha)
    if framed and (found := _in_frame(image, settings, progress)) is not None:
        return found
    if settings.segmenter == "auto" and is_disc(
        image.alpha
    ):  # a plate is round too: nothing is looked for inside
        plain = plain_mask(filled_frame(image.rgb, image.alpha), guess=False)
        framed = object_in_frame(plain.mask, image.alpha, plain.explained, PLAIN)
    progress.note("the object comes from the photo's alpha channel")
    alpha, said = solid_alpha(image.rgb, image.alpha)
    if framed:
        said = (
            *said,
            "The photo's alpha channel has the outline of a picture: is it a cutout? If not, crop it.",
        )
    return Found(alpha, "alpha", said)


def _in_frame(image: Photo, settings: Settings, progress: Progress) -> Found | None:
    """The object inside of an alpha channel that only frames a picture, or None where that is a cutout after all."""
    if image.alpha is None:
        return None
    whole = Photo(filled_frame(image.rgb, image.alpha), None)
    plain = plain_mask(whole.rgb)
    if not object_in_frame(plain.mask, image.alpha, plain.explained, PLAIN):
        return None
    progress.note("the alpha channel only frames the picture: the object is looked for inside")
    found = _found(whole, settings, progress)
    return replace(found, alpha=np.minimum(found.alpha, image.alpha))


def _offline(image: Photo, progress: Progress) -> Found:
    """By our own network and the background's colours; by the colours alone where its weights were not shipped."""
    folder = own_network.find_weights()
    if folder is None:
        return _by_colours(image, progress)
    own = own_network.own_mask(image.rgb, folder)
    if at_a_loss(own):
        plain = plain_mask(image.rgb, guess=(own.mask >= 128).mean() < SMALLEST)
        mask, method, evidence = choose(plain, own)
        if method == "plain":
            progress.note(
                "the object is found from its background's colours: the cutout network is at a loss"
            )
            return Found(soft_edge(image.rgb, mask), method, plain.warnings, 1.0, evidence)
    return _as_own(image, own, progress)


def _as_own(image: Photo, own: own_network.OwnMask, progress: Progress) -> Found:
    progress.note("the object is found by the cutout network")
    mask, said = without_reflection(image.rgb, open_mask(image.rgb, own.mask))
    return Found(soft_edge(image.rgb, mask), own_network.NAME, said, 1.0, own_evidence(own))


def _by_colours(image: Photo, progress: Progress) -> Found:
    progress.note("the object is found without a model, from the background's colours")
    mask, said, explained = plain_mask(image.rgb)
    return Found(soft_edge(image.rgb, mask), "plain", said, 1.0, Evidence(explained, len(said)))


def _by_model(image: Photo, mask: np.ndarray, name: str) -> Found:
    """The network's mask with the photo's own edges: it knows the object, the pixels know the outline and its holes."""
    folder = own_network.find_weights()
    evidence = Evidence()
    if folder is not None:
        own = own_network.own_mask(image.rgb, folder)
        same = own_network.overlap(mask >= 128, own.mask >= 128)
        evidence = Evidence(
            quality=own.quality, steadiness=own.agreement, overlap=same, other=own_network.NAME
        )
    mask, said = without_reflection(image.rgb, open_mask(image.rgb, mask))
    return Found(soft_edge(image.rgb, mask), name, said, 1.0, evidence)


def _model(wanted: str, settings: Settings, progress: Progress) -> tuple[str, Path | None]:
    """Name and file of the network to use; no file means: do without."""
    names = list(models.MODELS) if wanted == "auto" else [wanted]
    for name in names:
        path = models.find_model(name)
        if path is not None:
            return name, path
    name = models.DOWNLOADED_BY_AUTO if wanted == "auto" else wanted
    if settings.offline:
        if wanted == "auto":
            return name, None
        raise Img2MeshError(
            f"The segmentation model {name} is not on this machine, and --offline forbids to fetch it."
        )
    return name, models.fetch_model(name, progress)

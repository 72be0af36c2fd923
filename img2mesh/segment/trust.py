"""Whose mask to trust, and how far: what several ways of finding an object say of one another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from img2mesh.segment.checks import ASSUMED, SMALLEST, confidence
from img2mesh.segment.drawing import only_strokes
from img2mesh.segment.own_network import OwnMask, overlap
from img2mesh.segment.plain import PlainMask

# Our network's mask is the better one even where the colour method is sure and agrees (IoU 0.982 against 0.975 on the
# dev half of `benchmarks/cutout.py`), and what the colours say tells nothing of its mistakes. So colours are asked only
# below this quality, and believed where they explain so much of the border.
HOPELESS, SURE = 0.6, 0.85
# Logistic regressions for an IoU of 0.9 with the truth. Of our network's masks, by `benchmarks/cutout_trust.py` on 400
# pictures of the dev half's objects: constant, then the weights of the logarithm of `undecided` and of faint; what the
# network expects of itself, and mirror images, add nothing to them. Where the object alone looks otherwise to it, the
# mask is likely wrong however sure it was: that overlap is a factor.
_OWN = (-3.15, -2.80, -3.40)
LEAST_UNDECIDED, MOST_FAINT = 0.02, 0.5
# Of others' masks, on the dev half: constant, then the weights of 1 - quality, 1 - steadiness, 1 - overlap and faint.
_PLAIN = (3.62, -7.47, -7.11, 0.0, -4.07)
_OTHER = (3.76, -2.94, -2.09, -18.75, -2.29)
DIFFERENT = 0.75  # overlap of two masks below which they do not show the same thing


@dataclass(frozen=True, eq=False)
class Found:
    """An object in a photo.

    Attributes:
        alpha: (H, W) uint8.
        method: who found it: `alpha`, `plain`, `cutout` (our network) or a model's name.
        warnings: sentences for the user.
        confidence: that this is the object and no more, 0..1; 1 where the photo's alpha says it.
        evidence: what the confidence is made from.
    """

    alpha: np.ndarray
    method: str
    warnings: tuple[str, ...] = ()
    confidence: float = 1.0
    evidence: Evidence | None = None


@dataclass(frozen=True)
class Evidence:
    """What speaks for a mask.

    Attributes:
        explained: share of the border that is plain background, 0..1; None where the colours were not asked.
        assumed: number of assumptions that the colour method made, where its mask was taken.
        quality, steadiness: what our network expects of its own mask, and how far its answer to the mirrored photo
            agrees (`OwnMask`); None without it.
        undecided, nearer: of our network's mask (`OwnMask`), where it was taken.
        overlap: IoU of the mask with that of another method; None where no other is to be trusted.
        other: who that was.
    """

    explained: float | None = None
    assumed: int = 0
    quality: float | None = None
    steadiness: float | None = None
    undecided: float | None = None
    nearer: float | None = None
    overlap: float | None = None
    other: str = ""

    def confidence(self, method: str, faint: float) -> float:
        """How likely the mask is right, 0..1.

        Args:
            method: whose mask it is. faint: share of its outline that no change of colour shows (`checks.faint_share`).
        """
        faint = min(faint, MOST_FAINT)
        if self.undecided is not None and self.nearer is not None:
            seen = (1.0, float(np.log(max(self.undecided, LEAST_UNDECIDED))), faint)
            return float(_logistic(_OWN, seen) * self.nearer)
        if self.quality is None or self.steadiness is None:
            return confidence(faint, self.explained) * ASSUMED**self.assumed
        agreed = self.overlap if self.overlap is not None else 0.9
        others = (1.0, 1 - self.quality, 1 - self.steadiness, 1 - agreed, faint)
        return _logistic(_PLAIN if method == "plain" else _OTHER, others) * ASSUMED**self.assumed


def _logistic(weights: tuple[float, ...], seen: tuple[float, ...]) -> float:
    return float(1 / (1 + np.exp(-np.dot(weights, seen))))


def own_evidence(own: OwnMask) -> Evidence:
    """What speaks for our network's mask."""
    return Evidence(quality=own.quality, steadiness=own.agreement, undecided=own.undecided, nearer=own.nearer)


def at_a_loss(own: OwnMask) -> bool:
    """Whether our network finds nothing, hopes for nothing, or shows a drawing's strokes."""
    return own.quality < HOPELESS or bool((own.mask >= 128).mean() < SMALLEST) or only_strokes(own.mask)


def choose(plain: PlainMask, own: OwnMask) -> tuple[np.ndarray, str, Evidence]:
    """Whose mask to take where our network is at a loss: the colours' if they are sure or it finds nothing, else its.

    Returns:
        (H, W) uint8 mask, the method's name, and what speaks for it.
    """
    same = overlap(plain.mask >= 128, own.mask >= 128)
    if plain.explained >= SURE or (own.mask >= 128).mean() < SMALLEST:
        assumed = len(plain.warnings)
        return (
            plain.mask,
            "plain",
            Evidence(
                plain.explained,
                assumed,
                quality=own.quality,
                steadiness=own.agreement,
                overlap=same,
                other="cutout",
            ),
        )
    return own.mask, "cutout", own_evidence(own)


def disagreement(evidence: Evidence | None) -> tuple[str, ...]:
    """A sentence where two methods show different things."""
    if evidence is None or evidence.overlap is None or evidence.overlap >= DIFFERENT:
        return ()
    return ("Two ways of finding the object disagree about it.",)

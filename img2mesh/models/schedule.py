"""Which noise levels a sampling run visits, and one step from a level to the next."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from img2mesh.errors import Img2MeshError

SOLVERS = ("ddim", "dpm++")


def alpha_bars(config: Mapping[str, Any]) -> np.ndarray:
    """(T,) float64 cumulative products of 1 - beta, from the fields of `scheduler_config.json`.

    `scaled_linear` is what Zero-1-to-3's own code calls linear: squares of evenly spaced roots of beta.
    `rescale_betas_zero_snr` shifts and scales the roots of the products so that the last is exactly 0 (Lin et
    al. 2024, algorithm 1).

    Raises:
        Img2MeshError: a beta schedule that no Zero-1-to-3 checkpoint uses.
    """
    n = int(config.get("num_train_timesteps", 1000))
    start, end = float(config.get("beta_start", 0.00085)), float(config.get("beta_end", 0.012))
    kind = config.get("beta_schedule", "scaled_linear")
    if config.get("trained_betas") is not None:
        betas = np.asarray(config["trained_betas"], dtype=np.float64)
    elif kind == "scaled_linear":
        betas = np.linspace(math.sqrt(start), math.sqrt(end), n) ** 2
    elif kind == "linear":
        betas = np.linspace(start, end, n)
    else:
        raise Img2MeshError(f"Unknown beta schedule {kind!r} in scheduler_config.json.")
    bars = np.cumprod(1.0 - betas)
    if config.get("rescale_betas_zero_snr"):
        roots = np.sqrt(bars)
        bars = ((roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])) ** 2
    return bars


@dataclass(frozen=True, eq=False)
class Schedule:
    """A whole sampling run.

    Attributes:
        timesteps: (S,) what the U-Net is told at each evaluation, noisiest first.
        now, after: (S,) float64 cumulative alpha before and after each step.
        eta: 0 is deterministic DDIM, 1 adds as much noise per step as DDPM.
        prediction: `epsilon`, `v_prediction` or `sample`.
        solver: `ddim`, or `dpm++` for DPM-Solver++(2M).
    """

    timesteps: np.ndarray
    now: np.ndarray
    after: np.ndarray
    eta: float
    prediction: str
    solver: str

    def __len__(self) -> int:
        return len(self.timesteps)

    def sigma(self, i: int) -> float:
        """Standard deviation of the noise added in step i (Song et al. 2021, equation 16)."""
        now, after = self.now[i], self.after[i]
        if self.eta == 0 or after >= 1:
            return 0.0
        return float(self.eta * math.sqrt((1 - after) / (1 - now)) * math.sqrt(max(0.0, 1 - now / after)))

    def split(self, i: int, x: Tensor, output: Tensor) -> tuple[Tensor, Tensor]:
        """The clean latent and the noise that the network's output means at step i, both like x."""
        a, s = math.sqrt(self.now[i]), math.sqrt(1 - self.now[i])
        if self.prediction == "epsilon":
            return (x - s * output) / max(a, 1e-6), output
        if self.prediction == "v_prediction":
            return a * x - s * output, a * output + s * x
        return output, (x - a * output) / max(s, 1e-6)

    def step(
        self, i: int, x: Tensor, output: Tensor, noise: Tensor | None, previous: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Step i: noisy latent x and (guided) network output to the next latent and the clean estimate.

        Args:
            noise: unit Gaussian like x where `sigma(i)` is not 0.
            previous: the clean estimate of step i - 1, which the second order solver extrapolates.
        """
        clean, epsilon = self.split(i, x, output)
        after = self.after[i]
        if self.solver == "dpm++":
            return self._dpm(i, x, clean, previous), clean
        sigma = self.sigma(i)
        following = math.sqrt(after) * clean + math.sqrt(max(0.0, 1 - after - sigma**2)) * epsilon
        if sigma:
            assert noise is not None, "stochastic steps need noise"
            following = following + sigma * noise
        return following, clean

    def _dpm(self, i: int, x: Tensor, clean: Tensor, previous: Tensor | None) -> Tensor:
        """DPM-Solver++(2M) in data prediction (Lu et al. 2022, algorithm 2), first order at
        either end."""
        a0, s0 = math.sqrt(self.now[i]), math.sqrt(1 - self.now[i])
        a1, s1 = math.sqrt(self.after[i]), math.sqrt(max(0.0, 1 - self.after[i]))
        direction = clean
        # The last step is long in log SNR: extrapolating over it overshoots, so it is of first order too.
        if previous is not None and i + 1 < len(self) and self.now[i - 1] > 0:
            before = _half_log_snr(self.now[i - 1])
            here, there = _half_log_snr(self.now[i]), _half_log_snr(self.after[i])
            ratio = (here - before) / (there - here)
            direction = clean + (clean - previous) / (2 * ratio)
        # sigma_1 / sigma_0 x - alpha_1 (exp(-h) - 1) D, with exp(-h) = alpha_0 sigma_1 / (sigma_0 alpha_1)
        return (s1 / s0) * x + (a1 - a0 * s1 / s0) * direction


def _half_log_snr(bar: float) -> float:
    return 0.5 * (math.log(bar) - math.log1p(-bar))


def make_schedule(
    config: Mapping[str, Any],
    steps: int,
    *,
    parity: str | None = None,
    solver: str = "ddim",
    eta: float = 0.0,
    spacing: str | None = None,
) -> Schedule:
    """The run for a model's scheduler configuration.

    Args:
        config: fields of `scheduler_config.json`.
        steps: network evaluations wanted.
        parity: `original` reproduces the published demo: DDIM, eta 1, timesteps range(0, T, T // steps) + 1
            without the noisiest one, so 50 gives 49 evaluations from t = 961 and 75 gives 76 from 976.
        solver: `ddim` or `dpm++`; ignored under parity.
        eta: share of DDPM's noise; DPM-Solver++ takes 0 only.
        spacing: `trailing`, `leading` or `linspace`; None takes the configuration's own where the noisiest
            level has zero SNR, `trailing` otherwise (few steps want to start at pure noise).

    Raises:
        Img2MeshError: steps, solver or parity make no run.
    """
    bars = alpha_bars(config)
    n = len(bars)
    prediction = config.get("prediction_type", "epsilon")
    if prediction not in ("epsilon", "v_prediction", "sample"):
        raise Img2MeshError(f"Unknown prediction type {prediction!r} in scheduler_config.json.")
    if parity not in (None, "original"):
        raise Img2MeshError(f"Parity must be 'original' or none, not {parity!r}.")
    if solver not in SOLVERS:
        raise Img2MeshError(f"The solver must be ddim or dpm++, not {solver!r}.")
    if not 1 <= steps <= n or (parity and steps < 2):
        raise Img2MeshError(
            f"The number of steps must lie between {2 if parity else 1} and {n}, not {steps}."
        )
    if parity:
        times = (np.arange(0, n, n // steps) + 1)[:-1][::-1]
        last = bars[0]
        solver, eta = "ddim", 1.0
    else:
        if solver == "dpm++" and eta:
            raise Img2MeshError("DPM-Solver++ is deterministic: eta must be 0 with it.")
        spacing = spacing or (config.get("timestep_spacing") if bars[-1] == 0 else None) or "trailing"
        times = _timesteps(spacing, steps, n, int(config.get("steps_offset", 0)))
        last = 1.0 if config.get("set_alpha_to_one", True) else bars[0]
    if bars[times[0]] == 0 and prediction == "epsilon":
        raise Img2MeshError("A zero-SNR noise schedule cannot be sampled with noise prediction.")
    now = bars[times]
    after = np.append(now[1:], max(last, now[-1]))
    return Schedule(times.copy(), now, after, float(eta), prediction, solver)


def _timesteps(spacing: str, steps: int, n: int, offset: int) -> np.ndarray:
    """Timesteps, noisiest first (Lin et al. 2024, table 2)."""
    if spacing == "trailing":
        return np.round(n - np.arange(steps) * (n / steps)).astype(int) - 1
    if spacing == "leading":
        return np.minimum(np.arange(steps)[::-1] * (n // steps) + offset, n - 1)
    if spacing == "linspace":
        return np.linspace(0, n - 1, steps).round()[::-1].astype(int)
    raise Img2MeshError(f"Unknown timestep spacing {spacing!r} in scheduler_config.json.")

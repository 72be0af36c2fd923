"""Golden noise levels, the published demo's timesteps, and the solvers on problems with known ends."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from img2mesh.errors import Img2MeshError
from img2mesh.models.schedule import alpha_bars, make_schedule

CONFIG = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "timestep_spacing": "leading",
    "prediction_type": "epsilon",
}
ZERO_SNR = {
    **CONFIG,
    "rescale_betas_zero_snr": True,
    "set_alpha_to_one": True,
    "timestep_spacing": "trailing",
    "prediction_type": "v_prediction",
}
GOLDEN = {
    0: 0.99915,
    1: 0.99829603,
    21: 0.98038075,
    201: 0.7521434,
    481: 0.30229566,
    500: 0.27633268,
    801: 0.03654652,
    961: 0.00728173,
    976: 0.00612401,
    981: 0.0057755,
    999: 0.0046601,
}


@pytest.mark.parametrize("t", GOLDEN)
def test_golden_alpha_bars(t):
    assert alpha_bars(CONFIG)[t] == pytest.approx(GOLDEN[t], abs=6e-9, rel=1e-5)


def test_plain_linear_is_something_else():
    assert alpha_bars({**CONFIG, "beta_schedule": "linear"})[999] == pytest.approx(0.00157896, rel=1e-4)


@pytest.mark.parametrize("config", [CONFIG, ZERO_SNR])
def test_alpha_bars_equal_diffusers(config):
    from diffusers import DDIMScheduler

    ours, theirs = alpha_bars(config), DDIMScheduler.from_config(config).alphas_cumprod.double().numpy()
    assert np.abs(ours - theirs).max() < 1e-6
    assert (ours[-1] == 0) == bool(config.get("rescale_betas_zero_snr"))


@pytest.mark.parametrize(
    "steps, evaluations, first, last",
    [(50, 49, 961, 1), (75, 76, 976, 1), (100, 99, 981, 1), (1000, 999, 999, 1)],
)
def test_original_drops_the_noisiest_step(steps, evaluations, first, last):
    schedule = make_schedule(CONFIG, steps, parity="original")
    assert (len(schedule), schedule.timesteps[0], schedule.timesteps[-1]) == (evaluations, first, last)
    assert schedule.eta == 1 and schedule.solver == "ddim"
    assert schedule.after[-1] == alpha_bars(CONFIG)[0]
    assert np.array_equal(schedule.after[:-1], schedule.now[1:])


def test_trailing_starts_at_pure_noise():
    schedule = make_schedule(ZERO_SNR, 8)
    assert schedule.timesteps.tolist() == [999, 874, 749, 624, 499, 374, 249, 124]
    assert schedule.now[0] == 0 and schedule.after[-1] == 1
    assert make_schedule(CONFIG, 20).timesteps[0] == 999


def test_leading_and_linspace_equal_diffusers():
    from diffusers import DDIMScheduler

    for spacing in ("leading", "linspace", "trailing"):
        scheduler = DDIMScheduler.from_config({**CONFIG, "timestep_spacing": spacing})
        for steps in (1, 7, 50, 75):
            scheduler.set_timesteps(steps)
            ours = make_schedule(CONFIG, steps, spacing=spacing).timesteps
            assert ours.tolist() == scheduler.timesteps.tolist()


@pytest.mark.parametrize("solver", ["ddim", "dpm++"])
@pytest.mark.parametrize("config", [CONFIG, ZERO_SNR])
def test_a_perfect_network_gives_the_clean_latent(solver, config):
    """Data on one point: the ideal prediction is known, and every solver must end on the point."""
    clean = torch.randn(2, 4, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x = torch.randn(clean.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    schedule = make_schedule({**config, "set_alpha_to_one": True}, 6, solver=solver)
    previous = None
    for i in range(len(schedule)):
        a, s = schedule.now[i] ** 0.5, (1 - schedule.now[i]) ** 0.5
        noise = (x - a * clean) / s
        output = noise if schedule.prediction == "epsilon" else a * noise - s * clean
        x, previous = schedule.step(i, x, output, None, previous)
    assert (x - clean).abs().max() < 1e-9


def test_second_order_beats_first_order():
    """Gaussian data of known variance: the exact flow is a scaling, and DPM-Solver++ comes nearer to it."""
    variance = 0.25

    def end(solver, steps):
        schedule = make_schedule({**CONFIG, "set_alpha_to_one": False}, steps, solver=solver)
        x, previous = torch.ones(1, dtype=torch.float64), None
        for i in range(len(schedule)):
            bar = schedule.now[i]
            epsilon = x * (1 - bar) ** 0.5 / (bar * variance + 1 - bar)
            x, previous = schedule.step(i, x, epsilon, None, previous)
        return float(x)

    exact = end("ddim", 1000)
    assert abs(end("dpm++", 50) - exact) < 0.4 * abs(end("ddim", 50) - exact)


@pytest.mark.parametrize(
    "steps, kwargs",
    [(0, {}), (1001, {}), (1, {"parity": "original"}), (5, {"solver": "euler"}), (5, {"parity": "exact"}),
     (5, {"solver": "dpm++", "eta": 1.0}), (5, {"spacing": "odd"})],
)  # fmt: skip
def test_impossible_runs_are_refused(steps, kwargs):
    with pytest.raises(Img2MeshError):
        make_schedule(CONFIG, steps, **kwargs)

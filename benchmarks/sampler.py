"""Views per second: img2mesh's sampler against a straightforward diffusers loop in fp32, in the same run.

    python benchmarks/sampler.py                         the mini (its shipped weights, else random ones)
    python benchmarks/sampler.py --model xl --steps 2    the size of the published checkpoints, random weights

Both sides make the same number of denoising steps per view, from the same weights. The plain loop takes one view
at a time: encode the picture, project the pose, DDIM with both guidance branches in one call, decode. Its time
per view does not depend on the number of views, so it may be measured on fewer (`--plain-views`). Each side runs
in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does, for both sides

import numpy as np
import torch

from img2mesh.core.files import data_folder
from img2mesh.models.allocator import lean_memory
from img2mesh.models.precision import pick_device, pick_dtype


def random_module(module: torch.nn.Module, dtype: torch.dtype) -> torch.nn.Module:
    """Fill a module on the meta device with small random weights, norms with ones, biases with zeros."""
    noise = torch.randn(1 << 20, generator=torch.Generator().manual_seed(0)).mul_(0.02).to(dtype)
    state = {}
    for name, value in module.state_dict().items():
        if value.ndim == 1:
            state[name] = torch.full(value.shape, float(name.endswith("weight")), dtype=dtype)
        else:
            repeated = noise.repeat(value.numel() // len(noise) + 1)[: value.numel()]
            state[name] = repeated.clone().reshape(value.shape)  # a copy: the rest of the repetitions goes
    module.load_state_dict(state, assign=True)
    return module


def load_parts(model: str, dtype: torch.dtype) -> tuple[list[torch.nn.Module], dict]:
    """U-Net, VAE, image encoder, projection on the CPU, and the scheduler's configuration."""
    from img2mesh.models.architecture import PARTS, SCHEDULER, build_empty

    if model == "xl":
        return [random_module(build_empty(part), dtype) for part in PARTS], SCHEDULER
    folder = data_folder("weights") / "mini" if model == "mini" else Path(model)
    if model == "mini" and not folder.is_dir():
        from img2mesh.train.autoencoder import build_autoencoder
        from img2mesh.train.config import load_config
        from img2mesh.train.networks import build_networks, build_scheduler

        recipe = load_config(data_folder("configs") / "train-mini.toml")
        unet, encoder, projection = build_networks(recipe.denoiser)
        parts = [unet, build_autoencoder(recipe.autoencoder), encoder, projection]
        return [torch.nn.Module.to(part, dtype) for part in parts], build_scheduler(recipe.denoiser).config
    from diffusers.models.attention_processor import AttnProcessor2_0

    from img2mesh.models import cpu
    from img2mesh.models.load import load_folder

    loaded = load_folder(folder, options={"dtype": dtype}, own=False)
    cpu.restore(loaded.unet)  # as diffusers has it
    cpu.restore(loaded.vae)
    loaded.unet.set_attn_processor(AttnProcessor2_0())
    return [loaded.unet, loaded.vae, loaded.image_encoder, loaded.projection], loaded.scheduler_config


@torch.inference_mode()
def plain(parts, evaluate, scheduler_config, picture, poses, steps, guidance, device) -> None:
    """The straightforward loop, as one would write it with diffusers and transformers; `evaluate` is the U-Net."""
    from diffusers import DDIMScheduler

    from img2mesh.models.camera_projection import image_tokens, pose_features
    from img2mesh.models.preprocess import clip_pixels, from_network, to_network

    unet, vae, encoder, projection = parts
    scheduler = DDIMScheduler.from_config(scheduler_config)
    for pose in torch.from_numpy(poses).to(device):
        pixels = to_network(picture)[None].to(device)
        latent = vae.encode(pixels[:, : vae.config.in_channels]).latent_dist.mode()
        seen = clip_pixels(pixels[:, :3], encoder.config.image_size)
        context = projection(image_tokens(encoder, seen, projection.config.tokens), pose[None])
        context = torch.cat([context, torch.zeros_like(context)])
        labels = None
        if unet.config.class_embed_type == "projection":
            labels = pose_features(pose[None])
            labels = torch.cat([labels, torch.zeros_like(labels)])
        both = torch.cat([latent, torch.zeros_like(latent)])
        x = torch.randn_like(latent)
        scheduler.set_timesteps(steps)
        for t in scheduler.timesteps:
            y = evaluate(torch.cat([torch.cat([x, x]), both], 1), t, context, class_labels=labels).sample
            given, blank = y.chunk(2)
            x = scheduler.step(blank + guidance * (given - blank), t, x).prev_sample
        from_network(vae.decode(x / vae.config.scaling_factor).sample)


def flops_per_evaluation(unet: torch.nn.Module, tokens: int, branches: int) -> float:
    """Of a step for one view, latent 32 x 32, as our side computes it: what is folded to constants is no work."""
    from torch.utils.flop_counter import FlopCounterMode

    from img2mesh.models.attention import install

    with torch.device("meta"):
        unet = type(unet).from_config(unet.config)
        labels = None
        if unet.config.class_embed_type == "projection":
            labels = torch.empty(branches, unet.config.projection_class_embeddings_input_dim)
        context = torch.empty(1, tokens, unet.config.cross_attention_dim)
        latents, times = torch.empty(branches, 8, 32, 32), torch.zeros(branches)
        with torch.inference_mode():
            for layer, processor in install(unet):
                processor.prepare(layer, context)
            with FlopCounterMode(display=False) as counter:
                unet(latents, times, context.expand(branches, -1, -1), class_labels=labels)
    return float(counter.get_total_flops())


def matmul_peak(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of a large matrix product, the best of several."""
    size = 8192 if device.type == "cuda" else 2048
    a = torch.randn(size, size, device=device).to(dtype)
    best = float("inf")
    for _ in range(6):
        start = time.perf_counter()
        a @ a
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


class Inside:
    """Wall and CPU time spent inside of calls.

    A GPU's time is read from events in its queue: waiting for it after each call would leave it without work. Hooks
    on a module would be compiled with it, and a new time compiled anew.
    """

    def __init__(self, device: torch.device) -> None:
        self.cuda = device.type == "cuda"
        self.reset()

    def reset(self) -> None:
        self.seconds = self.cpu = 0.0
        self.events: list[tuple] = []

    def around(self, call):
        """The same call, timed."""

        def timed(*arguments, **named):
            pair = tuple(torch.cuda.Event(enable_timing=True) for _ in range(2)) if self.cuda else ()
            start, cpu = time.perf_counter(), time.process_time()
            if pair:
                pair[0].record()
            found = call(*arguments, **named)
            if pair:
                pair[1].record()
                self.events.append(pair)
            self.seconds += time.perf_counter() - start
            self.cpu += time.process_time() - cpu
            return found

        return timed

    @property
    def wall(self) -> float:
        """Seconds; on a GPU once everything that was asked of it is done."""
        if self.cuda:
            return sum(start.elapsed_time(end) for start, end in self.events) / 1000
        return self.seconds


def at_steps(found: dict, measured: int, steps: int, kind: str) -> float:
    """Seconds per view with another number of steps, computed: the U-Net's share grows, the rest stays."""
    whole, unet = found[kind] / found["views"], found[f"unet_{kind}"] / found["views"]
    return whole - unet + unet * steps / measured


def side(arguments: argparse.Namespace) -> dict:
    """Measure one side in this process."""
    device = pick_device(arguments.device)
    ours = arguments.side == "ours"
    dtype = pick_dtype(device, arguments.precision) if ours else torch.float32
    with lean_memory():
        parts, config = load_parts(arguments.model, dtype)
    views = arguments.views if ours else arguments.plain_views
    angles = np.arange(views) * 2 * np.pi / views
    poses = np.stack([0 * angles, np.sin(angles), np.cos(angles), 0 * angles], axis=1).astype(np.float32)
    picture = np.full((256, 256, 4), 128, np.uint8)
    found = {"dtype": str(dtype).removeprefix("torch."), "views": views}
    inside = Inside(device)
    if ours:
        from img2mesh.models.zero123 import Zero123

        vision = parts[2].config
        tokens = 1 if parts[3].config.tokens == "class" else 1 + (vision.image_size // vision.patch_size) ** 2
        found["flops"] = flops_per_evaluation(parts[0], tokens, 1 if arguments.guidance == 1 else 2)
        found["peak"] = matmul_peak(device, dtype)
        places = {"low_vram": arguments.low_vram and device.type != "cpu", "compile": arguments.compile}
        model = Zero123(*parts, config, device=device, dtype=dtype, **places)
        evaluation, decoding = model.pace(arguments.guidance, views=views, batch=arguments.batch)
        found["announced"] = views * (arguments.steps * evaluation + decoding)
        model._evaluate = inside.around(model._evaluate)

        def go(poses, steps):
            model.sample(picture, poses, steps=steps, guidance=arguments.guidance, batch=arguments.batch)
    else:
        for part in parts:
            part.to(device).requires_grad_(False).eval()

        def go(poses, steps):
            plain(parts, evaluate, config, picture, poses, steps, arguments.guidance, device)

        evaluate = inside.around(parts[0])
    if arguments.model != "xl" or device.type == "cuda":
        # The first call of every shape is slower; compiled, the second records a graph and the third replays it.
        go(poses[: arguments.batch or len(poses)], 3 if arguments.compile else 1)
    inside.reset()
    if device.type == "cuda":
        torch.cuda.empty_cache()  # of the matrix product and the compiler
        torch.cuda.reset_peak_memory_stats()
    start, cpu = time.perf_counter(), time.process_time()
    go(poses, arguments.steps)
    if device.type == "cuda":
        torch.cuda.synchronize()
        found["device_memory"] = torch.cuda.max_memory_reserved()
    found["seconds"], found["cpu"] = time.perf_counter() - start, time.process_time() - cpu
    found["unet_seconds"], found["unet_cpu"] = inside.wall, inside.cpu
    found["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return found


def main() -> None:
    """Run both sides and print the comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="mini", help="mini, xl, or a model folder")
    parser.add_argument("--views", type=int, default=16)
    parser.add_argument("--plain-views", type=int, default=2, help="views of the plain loop")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--batch", type=int, default=0, help="0: what the sampler would choose")
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--compile", action="store_true", help="torch.compile and CUDA graphs for our side")
    parser.add_argument("--low-vram", action="store_true", help="for our side, on a GPU")
    parser.add_argument("--side", choices=("ours", "plain"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps(side(arguments)))
        return
    results = {}
    for name in ("plain", "ours"):
        command = [sys.executable, __file__, *sys.argv[1:], "--side", name]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        results[name] = found = json.loads(done.stdout.splitlines()[-1])
        rate = found["views"] / found["seconds"]
        memory = found.get("device_memory", found["memory"]) / 1e9
        print(
            f"{name:5}  {found['dtype']:8}  {found['views']:3d} views x {arguments.steps} steps  "
            f"{found['seconds']:7.1f} s  {rate:8.4f} views/s  peak memory {memory:.2f} GB",
            flush=True,
        )
    ours, other = results["ours"], results["plain"]
    per_view = [r["seconds"] / r["views"] for r in (other, ours)]
    achieved = ours["flops"] * arguments.steps * ours["views"] / ours["seconds"]
    work = [r["cpu"] / r["views"] for r in (other, ours)]
    print(
        f"ours is {per_view[0] / per_view[1]:.1f} times as fast per view; it takes {work[1]:.1f} s of CPU time a "
        f"view against {work[0]:.1f} s ({work[0] / work[1]:.1f} times), which a busy machine changes less"
    )
    for steps in (arguments.steps, 20, 50):
        a, b = (at_steps(r, arguments.steps, steps, "cpu") for r in (other, ours))
        how = "measured" if steps == arguments.steps else "computed from the U-Net's share"
        print(
            f"  CPU time a view with {steps:2d} steps: {a:6.1f} s against {b:6.1f} s, {a / b:.2f} times ({how})"
        )
    print(
        f"ours reaches {achieved / 1e12:.3f} TFLOP/s over the whole run (encoding and decoding count as time, "
        f"not as work), {achieved / ours['peak']:.0%} of this device's {ours['dtype']} matrix product; "
        f"{ours['announced']:.0f} s were announced, {ours['announced'] / ours['seconds'] - 1:+.0%}"
    )


if __name__ == "__main__":
    main()

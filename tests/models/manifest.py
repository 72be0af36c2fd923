"""Names and shapes of an original checkpoint, written out from its building rules; widths can be narrowed."""

from __future__ import annotations

import io
import pickle
import struct
import zlib
from pathlib import Path

import numpy as np
import torch

BUFFERS = (
    "betas alphas_cumprod alphas_cumprod_prev sqrt_alphas_cumprod sqrt_one_minus_alphas_cumprod "
    "log_one_minus_alphas_cumprod sqrt_recip_alphas_cumprod sqrt_recipm1_alphas_cumprod posterior_variance "
    "posterior_log_variance_clipped posterior_mean_coef1 posterior_mean_coef2"
).split()


def _layer(name, *shape, bias=True):
    yield f"{name}.weight", shape
    if bias:
        yield f"{name}.bias", shape[:1]


def _residual(name, cin, cout, time):
    yield from _layer(f"{name}.in_layers.0", cin)
    yield from _layer(f"{name}.in_layers.2", cout, cin, 3, 3)
    yield from _layer(f"{name}.emb_layers.1", cout, time)
    yield from _layer(f"{name}.out_layers.0", cout)
    yield from _layer(f"{name}.out_layers.3", cout, cout, 3, 3)
    if cin != cout:
        yield from _layer(f"{name}.skip_connection", cout, cin, 1, 1)


def _transformer(name, c, context):
    yield from _layer(f"{name}.norm", c)
    yield from _layer(f"{name}.proj_in", c, c, 1, 1)
    block = f"{name}.transformer_blocks.0"
    for attention, width in (("attn1", c), ("attn2", context)):
        yield from _layer(f"{block}.{attention}.to_q", c, c, bias=False)
        yield from _layer(f"{block}.{attention}.to_k", c, width, bias=False)
        yield from _layer(f"{block}.{attention}.to_v", c, width, bias=False)
        yield from _layer(f"{block}.{attention}.to_out.0", c, c)
    yield from _layer(f"{block}.ff.net.0.proj", 8 * c, c)
    yield from _layer(f"{block}.ff.net.2", c, 4 * c)
    for i in (1, 2, 3):
        yield from _layer(f"{block}.norm{i}", c)
    yield from _layer(f"{name}.proj_out", c, c, 1, 1)


def unet(m=320, context=768):
    """686 tensors; m is the first level's width."""
    time = 4 * m
    yield from _layer("time_embed.0", time, m)
    yield from _layer("time_embed.2", time, time)
    yield from _layer("input_blocks.0.0", m, 8, 3, 3)
    for i, (cin, cout, attention) in {
        1: (1, 1, True), 2: (1, 1, True), 4: (1, 2, True), 5: (2, 2, True), 7: (2, 4, True), 8: (4, 4, True),
        10: (4, 4, False), 11: (4, 4, False),
    }.items():  # fmt: skip
        yield from _residual(f"input_blocks.{i}.0", cin * m, cout * m, time)
        if attention:
            yield from _transformer(f"input_blocks.{i}.1", cout * m, context)
    for i, c in ((3, 1), (6, 2), (9, 4)):
        yield from _layer(f"input_blocks.{i}.0.op", c * m, c * m, 3, 3)
    yield from _residual("middle_block.0", 4 * m, 4 * m, time)
    yield from _transformer("middle_block.1", 4 * m, context)
    yield from _residual("middle_block.2", 4 * m, 4 * m, time)
    inputs = (8, 8, 8, 8, 8, 6, 6, 4, 3, 3, 2, 2)
    outputs = (4, 4, 4, 4, 4, 4, 2, 2, 2, 1, 1, 1)
    for i, (cin, cout) in enumerate(zip(inputs, outputs, strict=True)):
        yield from _residual(f"output_blocks.{i}.0", cin * m, cout * m, time)
        if i >= 3:
            yield from _transformer(f"output_blocks.{i}.1", cout * m, context)
    for place, c in (("2.1", 4), ("5.2", 4), ("8.2", 2)):
        yield from _layer(f"output_blocks.{place}.conv", c * m, c * m, 3, 3)
    yield from _layer("out.0", m)
    yield from _layer("out.2", 4, m, 3, 3)


def _block(name, cin, cout):
    yield from _layer(f"{name}.norm1", cin)
    yield from _layer(f"{name}.conv1", cout, cin, 3, 3)
    yield from _layer(f"{name}.norm2", cout)
    yield from _layer(f"{name}.conv2", cout, cout, 3, 3)
    if cin != cout:
        yield from _layer(f"{name}.nin_shortcut", cout, cin, 1, 1)


def _middle(side, c):
    yield from _block(f"{side}.mid.block_1", c, c)
    yield from _layer(f"{side}.mid.attn_1.norm", c)
    for part in ("q", "k", "v", "proj_out"):
        yield from _layer(f"{side}.mid.attn_1.{part}", c, c, 1, 1)
    yield from _block(f"{side}.mid.block_2", c, c)


def vae(c=128):
    """248 tensors."""
    yield from _layer("encoder.conv_in", c, 3, 3, 3)
    for level, (cin, cout) in enumerate(((1, 1), (1, 2), (2, 4), (4, 4))):
        yield from _block(f"encoder.down.{level}.block.0", cin * c, cout * c)
        yield from _block(f"encoder.down.{level}.block.1", cout * c, cout * c)
        if level < 3:
            yield from _layer(f"encoder.down.{level}.downsample.conv", cout * c, cout * c, 3, 3)
    yield from _middle("encoder", 4 * c)
    yield from _layer("encoder.norm_out", 4 * c)
    yield from _layer("encoder.conv_out", 8, 4 * c, 3, 3)
    yield from _layer("decoder.conv_in", 4 * c, 4, 3, 3)
    yield from _middle("decoder", 4 * c)
    for level, (cin, cout) in ((3, (4, 4)), (2, (4, 4)), (1, (4, 2)), (0, (2, 1))):
        yield from _block(f"decoder.up.{level}.block.0", cin * c, cout * c)
        yield from _block(f"decoder.up.{level}.block.1", cout * c, cout * c)
        yield from _block(f"decoder.up.{level}.block.2", cout * c, cout * c)
        if level > 0:
            yield from _layer(f"decoder.up.{level}.upsample.conv", cout * c, cout * c, 3, 3)
    yield from _layer("decoder.norm_out", c)
    yield from _layer("decoder.conv_out", 3, c, 3, 3)
    yield from _layer("quant_conv", 8, 8, 1, 1)
    yield from _layer("post_quant_conv", 4, 4, 1, 1)


def clip(w=1024, layers=24, context=768, patch=14, tokens=257):
    """296 tensors of the image tower."""
    yield "class_embedding", (w,)
    yield "positional_embedding", (tokens, w)
    yield "proj", (w, context)
    yield "conv1.weight", (w, 3, patch, patch)
    yield from _layer("ln_pre", w)
    yield from _layer("ln_post", w)
    for i in range(layers):
        block = f"transformer.resblocks.{i}"
        yield f"{block}.attn.in_proj_weight", (3 * w, w)
        yield f"{block}.attn.in_proj_bias", (3 * w,)
        yield from _layer(f"{block}.attn.out_proj", w, w)
        yield from _layer(f"{block}.ln_1", w)
        yield from _layer(f"{block}.mlp.c_fc", 4 * w, w)
        yield from _layer(f"{block}.mlp.c_proj", w, 4 * w)
        yield from _layer(f"{block}.ln_2", w)


def needed(m=320, c=128, w=1024, layers=24, context=768, patch=14, tokens=257) -> dict[str, tuple[int, ...]]:
    """The 1232 tensors a sampler needs, by full name."""
    parts = (
        ("model.diffusion_model.", unet(m, context)),
        ("first_stage_model.", vae(c)),
        ("cond_stage_model.model.visual.", clip(w, layers, context, patch, tokens)),
        ("cc_projection.", (("weight", (context, context + 4)), ("bias", (context,)))),
    )
    return {prefix + name: shape for prefix, items in parts for name, shape in items}


def whole(m=320, c=128, w=1024, layers=24, context=768, **clip_sizes) -> dict[str, tuple[int, ...]]:
    """All 1938 tensors of a published checkpoint."""
    shapes = needed(m, c, w, layers, context, **clip_sizes)
    everything = {name: (1000,) for name in BUFFERS}
    everything.update(shapes)
    everything.update({"model_ema.decay": (), "model_ema.num_updates": ()})
    for name, shape in unet(m, context):
        everything["model_ema.diffusion_model" + name.replace(".", "")] = shape
    text = "cond_stage_model.model."
    everything[text + "positional_embedding"] = (77, context)
    everything[text + "text_projection"] = (context, context)
    everything[text + "logit_scale"] = ()
    everything[text + "token_embedding.weight"] = (49408 if context == 768 else 64, context)
    everything.update({text + "ln_final.weight": (context,), text + "ln_final.bias": (context,)})
    return everything


NARROW = {"m": 32, "c": 32, "w": 64, "layers": 2, "context": 16, "patch": 14, "tokens": 257}


def random_state(shapes, seed=0, scale=0.05) -> dict[str, torch.Tensor]:
    """Random values of the given shapes, all different."""
    generator = torch.Generator().manual_seed(seed)
    state = {name: torch.randn(shape, generator=generator) * scale for name, shape in shapes.items()}
    if "model_ema.num_updates" in state:
        state["model_ema.num_updates"] = torch.tensor(7, dtype=torch.int32)
    return state


def write_sparse(path: Path, shapes) -> None:
    """A checkpoint of zeros in PyTorch's format whose file occupies next to no disk, whatever its size."""
    out = io.BytesIO()
    keys: list[int] = []

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if isinstance(value, _Bytes):
                keys.append(value.length)
                return ("storage", torch.FloatStorage, str(len(keys) - 1), "cpu", value.length)
            return None

    state = {name: _Sparse(shape) for name, shape in shapes.items()}
    Pickler(out, protocol=2).dump({"state_dict": state})
    with path.open("wb") as file:
        directory = []
        entries = [("archive/data.pkl", out.getvalue(), None)]
        entries += [(f"archive/data/{i}", b"", 4 * n) for i, n in enumerate(keys)]
        for name, data, hole in entries:
            start, size = file.tell(), len(data) if hole is None else hole
            raw = name.encode()
            extra = struct.pack("<HHQQ", 1, 16, size, size)
            crc = zlib.crc32(data) if hole is None else 0  # of a hole it is wrong, and nobody asks
            file.write(
                struct.pack("<4s5H3I2H", b"PK\3\4", 45, 0, 0, 0, 0, crc, 2**32 - 1, 2**32 - 1, len(raw), 20)
            )
            file.write(raw + extra + data)
            if hole:
                file.seek(hole, 1)
            directory.append((raw, start, size, crc))
        where = file.tell()
        for raw, start, size, crc in directory:
            extra = struct.pack("<HHQQQ", 1, 24, size, size, start)
            file.write(
                struct.pack(
                    "<4s6H3I5H2I", b"PK\1\2", 45, 45, 0, 0, 0, 0, crc, 2**32 - 1, 2**32 - 1,
                    len(raw), 28, 0, 0, 0, 0, 2**32 - 1,
                ) + raw + extra
            )  # fmt: skip
        end, count = file.tell(), len(directory)
        file.write(struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, end - where, where))
        file.write(struct.pack("<4sIQI", b"PK\6\7", 0, end, 1))
        file.write(struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0))


class _Bytes:
    def __init__(self, length):
        self.length = length


class _Sparse:
    """Pickles as a tensor over its own storage of zeros."""

    def __init__(self, shape):
        self.shape = shape

    def __reduce__(self):
        stride = tuple(int(np.prod(self.shape[i + 1 :])) for i in range(len(self.shape)))
        arguments = (_Bytes(int(np.prod(self.shape))), 0, tuple(self.shape), stride, False, {})
        return torch._utils._rebuild_tensor_v2, arguments

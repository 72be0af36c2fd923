"""Weight names of the original checkpoints (latent-diffusion layout) and of diffusers and transformers.

Each function takes the names of one part, without prefix. The layout is Stable Diffusion 1's: four
resolutions with two residual blocks each.
"""

from __future__ import annotations

import re

UNET, EMA = "model.diffusion_model.", "model_ema."
VAE, CLIP, POSE = "first_stage_model.", "cond_stage_model.model.visual.", "cc_projection."

_RESIDUAL = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}
_UNET_ENDS = {
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "input_blocks.0.0": "conv_in",
    "out.0": "conv_norm_out",
    "out.2": "conv_out",
}


def ema_name(unet_name: str) -> str:
    """Where the averaged copy of U-Net weight `unet_name` is: all its dots are dropped."""
    return f"{EMA}diffusion_model{unet_name.replace('.', '')}"


def unet_to_diffusers(name: str) -> str | None:
    """A U-Net weight's name in diffusers; None for one that is not part of Zero-1-to-3's U-Net."""
    stem, _, leaf = name.rpartition(".")
    if stem in _UNET_ENDS:
        return f"{_UNET_ENDS[stem]}.{leaf}"
    match = re.fullmatch(r"(input_blocks|middle_block|output_blocks)\.(\d+)(?:\.(\d+))?\.(.+)", name)
    if match is None:
        return None
    section, index, inner, rest = match[1], int(match[2]), match[3], match[4]
    if section == "middle_block":
        # middle_block.<index>.<rest>, where a number may open <rest> only by accident of the pattern
        rest = name.split(".", 2)[2]
        place = {0: "resnets.0", 1: "attentions.0", 2: "resnets.1"}.get(index)
        return place and _inside(f"mid_block.{place}", rest, index != 1)
    if inner is None:
        return None
    if section == "input_blocks":
        level, layer = divmod(index - 1, 3)
        if layer == 2:
            if inner == "0" and rest.startswith("op."):
                return f"down_blocks.{level}.downsamplers.0.conv.{rest[3:]}"
            return None
        block = f"down_blocks.{level}"
    else:
        level, layer = divmod(index, 3)
        block = f"up_blocks.{level}"
        if rest.startswith("conv."):
            return f"{block}.upsamplers.0.{rest}"
    kind = {"0": "resnets", "1": "attentions"}.get(inner)
    return kind and _inside(f"{block}.{kind}.{layer}", rest, kind == "resnets")


def _inside(block: str, rest: str, residual: bool) -> str | None:
    if not residual:
        return f"{block}.{rest}"
    stem, _, leaf = rest.rpartition(".")
    return f"{block}.{_RESIDUAL[stem]}.{leaf}" if stem in _RESIDUAL else None


_VAE_ATTENTION = {"norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"}


def vae_to_diffusers(name: str) -> str | None:
    """A VAE weight's name in diffusers; None for one that is not part of it."""
    if re.match(r"(quant_conv|post_quant_conv|(en|de)coder\.conv_(in|out))\.", name):
        return name
    if match := re.fullmatch(r"(encoder|decoder)\.norm_out\.(.+)", name):
        return f"{match[1]}.conv_norm_out.{match[2]}"
    if match := re.fullmatch(r"(encoder|decoder)\.mid\.(block_[12]|attn_1)\.(\w+)\.(\w+)", name):
        side, place, layer, leaf = match.groups()
        if place == "attn_1":
            return f"{side}.mid_block.attentions.0.{_VAE_ATTENTION[layer]}.{leaf}"
        return f"{side}.mid_block.resnets.{int(place[-1]) - 1}.{_shortcut(layer)}.{leaf}"
    if match := re.fullmatch(r"(encoder\.down|decoder\.up)\.(\d)\.block\.(\d)\.(\w+)\.(\w+)", name):
        side, level, block, layer, leaf = match.groups()
        return f"{_vae_level(side, level)}.resnets.{block}.{_shortcut(layer)}.{leaf}"
    if match := re.fullmatch(r"(encoder\.down|decoder\.up)\.(\d)\.(down|up)sample\.(conv\.\w+)", name):
        side, level, way, rest = match.groups()
        return f"{_vae_level(side, level)}.{way}samplers.0.{rest}"
    return None


def _shortcut(layer: str) -> str:
    return "conv_shortcut" if layer == "nin_shortcut" else layer


def _vae_level(side: str, level: str) -> str:
    if side == "encoder.down":
        return f"encoder.down_blocks.{level}"
    return f"decoder.up_blocks.{3 - int(level)}"


_CLIP_ENDS = {
    "conv1.weight": "embeddings.patch_embedding.weight",
    "class_embedding": "embeddings.class_embedding",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_pre.weight": "pre_layrnorm.weight",
    "ln_pre.bias": "pre_layrnorm.bias",
    "ln_post.weight": "post_layernorm.weight",
    "ln_post.bias": "post_layernorm.bias",
}
_CLIP_LAYER = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}


def clip_to_transformers(name: str) -> tuple[str, ...] | None:
    """The names that an OpenAI CLIP weight of the image tower has in transformers.

    One for most; three for the joint attention projections, in the order of their thirds (query, key, value).
    `proj` becomes `visual_projection.weight`, transposed. None for a weight that is not part of the tower.
    """
    if name == "proj":
        return ("visual_projection.weight",)
    if name in _CLIP_ENDS:
        return (f"vision_model.{_CLIP_ENDS[name]}",)
    match = re.fullmatch(r"transformer\.resblocks\.(\d+)\.(.+?)[._](weight|bias)", name)
    if match is None:
        return None
    layer = f"vision_model.encoder.layers.{match[1]}"
    if match[2] == "attn.in_proj":
        return tuple(f"{layer}.self_attn.{part}_proj.{match[3]}" for part in "qkv")
    return (f"{layer}.{_CLIP_LAYER[match[2]]}.{match[3]}",) if match[2] in _CLIP_LAYER else None

"""Blender's Cycles behind the same interface, through the `bpy` wheel (extra `[blender]`).

The geometry, materials and light are handed over from memory, so both engines draw the very same model: silhouettes
and cameras agree to the filter's width. Colours differ by what path tracing adds, the sky's occlusion.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from img2mesh.core.camera import Camera
from img2mesh.errors import Img2MeshError
from img2mesh.synthetic.lighting import Light
from img2mesh.synthetic.model import Material, Model


class BlenderEngine:
    """Path-traced diffuse shading on the CPU; `samples` paths per pixel, no denoiser, a fixed seed."""

    name = "blender"

    def __init__(self, samples: int = 32) -> None:
        try:
            import bpy
        except ImportError:
            raise Img2MeshError(
                "The engine blender needs the package bpy (extra [blender]); its wheels fit one Python each."
            ) from None
        self._bpy, self.samples = bpy, samples

    def open(self, model: Model, light: Light) -> None:
        bpy = self._bpy
        with _quiet():
            bpy.ops.wm.read_factory_settings(use_empty=True)
        self._scene = bpy.context.scene
        self._configure()
        self._sky(light)
        for index, (direction, colour) in enumerate(zip(light.directions, light.colours, strict=True)):
            self._sun(f"lamp{index}", direction, colour)
        self._object(model)
        data = bpy.data.cameras.new("camera")
        data.clip_start, data.clip_end = 0.01, 1000.0
        self._camera = bpy.data.objects.new("camera", data)
        self._scene.collection.objects.link(self._camera)
        self._scene.camera = self._camera

    def draw(self, camera: Camera) -> np.ndarray:
        from mathutils import Matrix

        render = self._scene.render
        render.resolution_x, render.resolution_y, render.resolution_percentage = (
            camera.width,
            camera.height,
            100,
        )
        data, longest = self._camera.data, max(camera.width, camera.height)
        data.sensor_fit = "AUTO"  # the angle is that of the longer side
        data.angle = float(2 * np.arctan(0.5 * longest / camera.fl_x))
        data.shift_x = (camera.width / 2 - camera.cx) / longest
        data.shift_y = (camera.cy - camera.height / 2) / longest
        self._camera.matrix_world = Matrix(camera.c2w.tolist())
        with tempfile.TemporaryDirectory() as folder:
            render.filepath = str(Path(folder) / "view.png")
            with _quiet():
                self._bpy.ops.render.render(write_still=True)
            with Image.open(render.filepath) as image:
                return np.asarray(image.convert("RGBA"))

    def _configure(self) -> None:
        scene = self._scene
        scene.render.engine = "CYCLES"
        scene.cycles.device = "CPU"
        scene.cycles.samples = self.samples
        scene.cycles.use_denoising = False
        scene.cycles.use_adaptive_sampling = False
        scene.cycles.seed = 0
        scene.cycles.diffuse_bounces = 0
        scene.cycles.transparent_max_bounces = 8
        scene.cycles.pixel_filter_type = "BOX"  # one pixel wide, as the other engine's
        scene.render.dither_intensity = 0.0
        scene.render.film_transparent = True
        scene.render.image_settings.file_format = "PNG"
        scene.render.image_settings.color_mode = "RGBA"
        scene.view_settings.view_transform = "Standard"

    def _sky(self, light: Light) -> None:
        """Upper half of one radiance, lower half of another: a Lambertian face then sees their blend by its z."""
        world = self._bpy.data.worlds.new("sky")
        self._scene.world = world
        world.use_nodes = True
        nodes, links = world.node_tree.nodes, world.node_tree.links
        nodes.clear()
        where, split = nodes.new("ShaderNodeTexCoord"), nodes.new("ShaderNodeSeparateXYZ")
        above, blend = nodes.new("ShaderNodeMath"), nodes.new("ShaderNodeVectorMath")
        background, output = nodes.new("ShaderNodeBackground"), nodes.new("ShaderNodeOutputWorld")
        above.operation = "GREATER_THAN"
        above.inputs[1].default_value = 0.0
        blend.operation = "MULTIPLY_ADD"  # above * (sky - ground) + ground
        blend.inputs[1].default_value = (light.sky - light.ground).tolist()
        blend.inputs[2].default_value = light.ground.tolist()
        links.new(where.outputs["Generated"], split.inputs[0])
        links.new(split.outputs["Z"], above.inputs[0])
        links.new(above.outputs[0], blend.inputs[0])
        links.new(blend.outputs[0], background.inputs["Color"])
        links.new(background.outputs[0], output.inputs["Surface"])

    def _sun(self, name: str, direction: np.ndarray, colour: np.ndarray) -> None:
        from mathutils import Vector

        data = self._bpy.data.lights.new(name=name, type="SUN")
        strength = float(np.max(colour))
        data.color = (colour / max(strength, 1e-9)).tolist()
        data.energy = strength * np.pi  # a Lambertian face sends back albedo * irradiance / pi
        data.angle = np.radians(60.0)
        data.use_shadow = False
        lamp = self._bpy.data.objects.new(name, data)
        lamp.rotation_mode = "QUATERNION"
        lamp.rotation_quaternion = Vector(direction.tolist()).to_track_quat("Z", "Y")  # suns shine along -Z
        self._scene.collection.objects.link(lamp)

    def _object(self, model: Model) -> None:
        bpy = self._bpy
        mesh = bpy.data.meshes.new("model")
        mesh.from_pydata(model.vertices.tolist(), [], model.faces.tolist())
        uv = mesh.uv_layers.new(name="uv")
        uv.data.foreach_set("uv", model.uv[model.faces].astype(np.float32).ravel())
        colour = mesh.color_attributes.new(name="colour", type="FLOAT_COLOR", domain="POINT")
        colour.data.foreach_set("color", model.colour.astype(np.float32).ravel())
        for index, material in enumerate(model.materials):
            mesh.materials.append(self._material(f"material{index}", material))
        mesh.polygons.foreach_set("material_index", model.material.astype(np.int32))
        mesh.polygons.foreach_set("use_smooth", np.ones(len(model.faces), dtype=bool))
        mesh.normals_split_custom_set(model.corner_normals().reshape(-1, 3).tolist())
        mesh.update()
        self._scene.collection.objects.link(bpy.data.objects.new("model", mesh))

    def _material(self, name: str, source: Material) -> Any:
        material = self._bpy.data.materials.new(name)
        material.use_nodes = True
        nodes, links = material.node_tree.nodes, material.node_tree.links
        nodes.clear()
        output, diffuse = nodes.new("ShaderNodeOutputMaterial"), nodes.new("ShaderNodeBsdfDiffuse")
        vertex = nodes.new("ShaderNodeVertexColor")
        vertex.layer_name = "colour"
        colour = self._times(nodes, links, vertex.outputs["Color"], value=source.colour)
        alpha = nodes.new("ShaderNodeMath")
        alpha.operation = "MULTIPLY"
        alpha.inputs[1].default_value = float(source.colour[3])
        links.new(vertex.outputs["Alpha"], alpha.inputs[0])
        opacity = alpha.outputs[0]
        if source.texture is not None:
            picture = nodes.new("ShaderNodeTexImage")
            picture.image = self._image(name, source.texture)
            colour = self._times(nodes, links, colour, socket=picture.outputs["Color"])
            both = nodes.new("ShaderNodeMath")
            both.operation = "MULTIPLY"
            links.new(opacity, both.inputs[0])
            links.new(picture.outputs["Alpha"], both.inputs[1])
            opacity = both.outputs[0]
        links.new(colour, diffuse.inputs["Color"])
        if source.alpha == "opaque":
            links.new(diffuse.outputs[0], output.inputs["Surface"])
            return material
        if source.alpha == "mask":
            step = nodes.new("ShaderNodeMath")
            step.operation = "GREATER_THAN"
            step.inputs[1].default_value = source.cutoff
            links.new(opacity, step.inputs[0])
            opacity = step.outputs[0]
        clear, mix = nodes.new("ShaderNodeBsdfTransparent"), nodes.new("ShaderNodeMixShader")
        links.new(opacity, mix.inputs[0])
        links.new(clear.outputs[0], mix.inputs[1])
        links.new(diffuse.outputs[0], mix.inputs[2])
        links.new(mix.outputs[0], output.inputs["Surface"])
        return material

    @staticmethod
    def _times(nodes, links, first, *, value=None, socket=None):
        """The product of a colour socket with a constant or with another socket."""
        node = nodes.new("ShaderNodeVectorMath")
        node.operation = "MULTIPLY"
        links.new(first, node.inputs[0])
        if socket is not None:
            links.new(socket, node.inputs[1])
        else:
            node.inputs[1].default_value = [float(c) for c in value[:3]]
        return node.outputs[0]

    def _image(self, name: str, texture: np.ndarray) -> Any:
        height, width = texture.shape[:2]
        image = self._bpy.data.images.new(name=name, width=width, height=height, alpha=True)
        image.alpha_mode = "CHANNEL_PACKED"  # straight alpha, colours kept where it is zero
        image.pixels.foreach_set((texture[::-1].astype(np.float32) / 255).ravel())  # rows from the bottom
        image.update()
        return image


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Blender reports every frame on the process's own standard output, below Python's."""
    saved, null = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 1)
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(null)

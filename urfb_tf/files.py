"""Writing files so that nothing is ever half written, and nothing new overwritten unseen."""

import contextlib
import os
import pathlib
import tempfile
from collections.abc import Iterator, Mapping

from urfb_tf.errors import WriteError

ANOTHER = "choose another folder"  # what helps where one takes no file
OWN_CHECKOUT = "record from a checkout of your own, installed by `pip install -e .`"  # where it is the package's


def write_atomically(path: pathlib.Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new one, never a part.

    Raises:
        WriteError: if the disk does not take it; the old content is still there.
    """
    write_all({path: content})


def write_all(contents: Mapping[pathlib.Path, bytes]) -> None:
    """Write files as `write_atomically` does, and none of them before the disk has taken what all shall hold.

    Raises:
        WriteError: as in `write_atomically`.
    """
    parts = {path: path.with_name(f".{path.name}.{os.getpid()}.part") for path in contents}
    path = next(iter(parts))
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(parts[path], "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for path, part in parts.items():
            os.replace(part, path)
    except BaseException as error:  # Ctrl-C leaves no part behind either
        for part in parts.values():
            with contextlib.suppress(OSError):
                part.unlink()
        if not isinstance(error, OSError):
            raise
        kept = "what it held before is intact" if os.path.exists(path) else "nothing was written"
        raise WriteError(
            f"Cannot write {path} ({error.strerror or error}): {kept}; free some space or choose another folder, then "
            "run the same command again."
        ) from error


def delete_parts(path: pathlib.Path) -> None:
    """Delete what killed processes left of a file in `write_atomically`; no other process may be writing it now."""
    with contextlib.suppress(OSError):
        for part in path.parent.glob(f".{path.name}.*.part"):
            part.unlink()


def is_there(path: pathlib.Path) -> bool:
    """Whether a file is there and can be read. Opened for it: what notes the files that a program uses hears of it."""
    try:
        open(path, "rb").close()
    except OSError:
        return False
    return True


def check_writable(folder: pathlib.Path, remedy: str = ANOTHER) -> None:
    """Make a folder if need be and see that it takes files, before work is done whose result shall go there.

    Args:
        folder: the folder.
        remedy: what helps if it takes none.

    Raises:
        WriteError: if it cannot be made or takes no file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise WriteError(f"Cannot write into {folder} ({error.strerror or error}): {remedy}.") from error


@contextlib.contextmanager
def one_at_a_time(folder: pathlib.Path, remedy: str = ANOTHER) -> Iterator[None]:
    """Make a folder if need be; within the block, whoever else comes to such a block for the same folder waits.

    On Windows, and on file systems without locks, nobody waits.

    Args:
        folder, remedy: as those of `check_writable`.

    Raises:
        WriteError: as in `check_writable`.
    """
    check_writable(folder, remedy)
    with contextlib.ExitStack() as stack:
        _lock(folder, stack, wait=True)
        yield


@contextlib.contextmanager
def alone(folder: pathlib.Path) -> Iterator[bool]:
    """Make a folder if need be; within the block, whoever else comes to such a block for the same folder is refused.

    A folder that was made for the block and is still empty goes with it.

    Yields:
        Whether that is so: not on Windows and on file systems without locks, where nobody is refused.

    Raises:
        WriteError: if another process is in such a block, or as in `check_writable`.
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        check_writable(folder)
        with contextlib.ExitStack() as stack:
            try:
                locked = _lock(folder, stack, wait=False)
            except BlockingIOError:
                raise WriteError(
                    f"Another process trains in {folder}: wait until it is done, or choose another folder."
                ) from None
            yield locked
    finally:
        with contextlib.suppress(OSError):  # one that holds something stays, and so do those above it
            for place in made:
                place.rmdir()


def _lock(folder: pathlib.Path, stack: contextlib.ExitStack, *, wait: bool) -> bool:
    """Lock a folder until the stack is closed; False where there are no locks."""
    try:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
        stack.callback(os.close, descriptor)  # which gives the lock back
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        raise
    except (ImportError, OSError):
        return False
    return True

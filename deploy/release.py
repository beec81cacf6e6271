"""Makes what is released, in dist/: the wheel, the list of what runs with it (CycloneDX), and the SHA-256 of both.

The wheel is built twice, from what is committed and in two folders, and has to come out the same to the byte.
"""

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).parent.parent
TOOLS = Path(sys.executable).parent


def run(*command: str | Path, folder: Path = ROOT) -> bytes:
    """What a command prints; ends with what it complained of where it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"{command[0]} failed:\n{done.stderr.decode()}")
    return done.stdout


def built(folder: Path) -> Path:
    """The wheel of what is committed, built in this folder."""
    with tarfile.open(fileobj=BytesIO(run("git", "archive", "HEAD"))) as committed:
        committed.extractall(folder, filter="data")
    run(TOOLS / "hatchling", "build", "-t", "wheel", "-d", "wheel", folder=folder)
    (wheel,) = folder.glob("wheel/*.whl")
    return wheel


def release(target: Path) -> None:
    """Put everything into this folder."""
    if run("git", "status", "--porcelain"):
        sys.exit("There are changes that are not committed. Commit them, or put them away.")
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        wheel, again = built(Path(one)), built(Path(other))
        content = wheel.read_bytes()
        if content != again.read_bytes():
            sys.exit("The wheel came out differently when it was built again.")
        target.mkdir(exist_ok=True)
        (target / wheel.name).write_bytes(content)
        parts = target / f"{wheel.name.split('-py3')[0]}.cdx.json"
        lock = Path(one) / "deploy/requirements.lock"
        asked = ("--output-reproducible", "--pyproject", Path(one) / "pyproject.toml", "--of", "JSON", "-o", parts)
        run(TOOLS / "cyclonedx-py", "requirements", lock, *asked)
    files = (target / wheel.name, parts)
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
    (target / "SHA256SUMS").write_text(sums)
    sys.stdout.write(sums)


if __name__ == "__main__":
    release(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist")

"""The files of a tree that the checks read."""
import subprocess


def tracked(root):
    """Names of the files that git knows or would add, sorted; without git every file below `root`"""
    run = subprocess.run(["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                         capture_output=True)
    if run.returncode == 0:
        names = [n for n in run.stdout.decode().split("\0") if n]
    else:
        names = [p.relative_to(root).as_posix() for p in root.rglob("*")]
    return sorted(n for n in set(names) if (root / n).is_file())

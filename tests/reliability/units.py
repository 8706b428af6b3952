"""Boots systemd in the root that `image.py --keep` has left, with the units of deploy/systemd.

    sudo python tests/reliability/image.py --keep /var/tmp/kb-root
    sudo python tests/reliability/units.py /var/tmp/kb-root

As the manual says: a user, /etc/kb.env, a clone of articles, the units. `kb.service` is asked a
question, reloaded and stopped, and the jobs are run, all under their own restrictions. The boot is
in namespaces of its own and of the processes alone: there is no kernel, firewall or log-in. Needs
root and a Debian mirror; the root is changed. Exit 1 if anything is not as it should be.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

UNITS = Path(__file__).resolve().parents[2] / "deploy" / "systemd"
PORT = 8931
PATH = "PATH=/usr/sbin:/usr/bin:/sbin:/bin:/opt/kb/bin"
PREPARE = f"""
set -e
test -x /lib/systemd/systemd || {{
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends systemd >/dev/null
}}
id kb >/dev/null 2>&1 && userdel kb
useradd --system --home-dir /var/lib/kb --no-create-home --user-group kb
install --mode 0640 --group kb /etc/kb.env.example /etc/kb.env
sed -i 's/^KB_LEADS_PASSWORD=/&invented-for-this-boot/' /etc/kb.env
echo KB_PORT={PORT} >> /etc/kb.env
rm -rf /srv/origin /srv/help /var/lib/kb /var/backups/kb
install --directory --owner kb --group kb /srv/origin /srv/help
install --directory --owner kb --group kb --mode 0700 /var/backups/kb
runuser -u kb -- sh -c '
  git init -q --bare -b main /srv/origin && git clone -q /srv/origin /srv/help 2>/dev/null
  cd /srv/help && git checkout -q -B main && mkdir articles
  printf "# Set up the VPN\\n\\nPress Connect.\\n" > articles/vpn.md && git add -A
  git -c user.name=a -c user.email=a@example.com commit -qm first && git push -q origin main'
systemctl enable kb.service >/dev/null 2>&1
ln -sf /lib/systemd/system/multi-user.target /etc/systemd/system/default.target
"""
BOOT = """
mount --make-rprivate /
mount --bind "$ROOT" "$ROOT"
cd "$ROOT"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm dev/mqueue dev/hugepages
mount -t devpts devpts dev/pts
ln -s pts/ptmx dev/ptmx; ln -s /proc/self/fd dev/fd
mknod -m 666 dev/null c 1 3; mknod -m 666 dev/zero c 1 5; mknod -m 666 dev/full c 1 7
mknod -m 666 dev/random c 1 8; mknod -m 666 dev/urandom c 1 9; mknod -m 666 dev/tty c 5 0
mkdir -p mnt/old
pivot_root . mnt/old
umount -l /mnt/old
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system
"""


class Machine:
    """What was booted, and a shell in it."""

    def __init__(self, root: Path) -> None:
        group = next(
            line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()
            if line.split()[2] == "cgroup2"
        )  # fmt: skip
        self._group = Path(group, "kb-boot")
        self._group.mkdir(exist_ok=True)
        apart = ["unshare", "--mount", "--pid", "--fork", "--cgroup", "--uts", "--ipc"]
        enter = 'echo $$ > "$0" && exec "$@"'
        self._process = subprocess.Popen(
            ["sh", "-c", enter, self._group / "cgroup.procs", *apart, "sh", "-ec", BOOT],
            env=os.environ | {"ROOT": str(root)}, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(2)
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        self._first = children.read_text().split()[0]

    def run(self, script: str) -> tuple[int, str]:
        """The exit code and the output of a shell script inside."""
        enter = ["nsenter", "-t", self._first, "-m", "-p", "-C", "-i", "-u", "env", "-i", PATH]
        done = subprocess.run([*enter, "sh", "-c", script], capture_output=True, text=True)
        return done.returncode, done.stdout.strip() + done.stderr.strip()

    def stop(self) -> None:
        """Ends it; who is left of it ends with its first process."""
        os.kill(int(self._first), 9)
        self._process.wait()


def answer(seconds: float) -> str:
    """What the service says to a question, as soon as it answers."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        try:
            address = f"http://127.0.0.1:{PORT}/api/search?q=vpn"
            with urllib.request.urlopen(address, timeout=10) as found:
                return str(found.read().decode())
        except OSError:
            time.sleep(0.5)
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    root = parser.parse_args().root.resolve()
    for unit in (*UNITS.glob("*.service"), *UNITS.glob("*.timer")):
        shutil.copy(unit, root / "etc" / "systemd" / "system")
    shutil.copy(UNITS / "example.env", root / "etc" / "kb.env.example")
    shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
    subprocess.run(["chroot", root, "env", "-i", PATH, "sh", "-c", PREPARE], check=True)
    machine = Machine(root)
    wrong = 0
    try:
        found = "Set up the VPN" in answer(120)
        print(f"kb.service answers: {found}")
        wrong += not found
        for script, expected in (
            ("systemctl --version | head -1", 0),
            ("systemctl reload kb && sleep 2 && systemctl is-active kb", 0),
            ("systemctl start kb-sync && journalctl -u kb-sync -o cat -n 2 --no-pager", 0),
            ("systemctl start kb-purge && journalctl -u kb-purge -o cat -n 2 --no-pager", 0),
            ("systemctl start kb-backup && ls /var/backups/kb", 0),
            ("systemctl start kb-digest 2>/dev/null", 1),  # no mail server is set
            ("systemctl start kb-sync.timer kb-purge.timer kb-backup.timer kb-digest.timer", 0),
            ("systemctl stop kb; systemctl show kb -p Result --value | grep -x success", 0),
        ):
            code, told = machine.run(script)
            state = "as it should" if code == expected else "NOT AS IT SHOULD"
            print(f"{script}: exit {code}, {state}\n  {told}")
            wrong += code != expected
    finally:
        machine.stop()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

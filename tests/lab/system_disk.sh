#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Served system disks: the monitors' stores and the logs lie on them, a run can put its
# volumes there, and a disk server that hangs or is gone does not hold up "lab down".
. "$(dirname "$0")/../system/lib.sh"
. "$(dirname "$0")/lib.sh"
requires_lab
requires mkfs.ext4
lab_like system-disk

up() {
	RUN_TIMEOUT=120 run lab up "$tmp/$lab.ini" --cold --json
	expect_exit 0
}

down() { # WHAT
	t=$(now)
	run lab down "$lab"
	expect_exit 0
	nothing_left "$1"
	echo "$1: down in $(since "$t")"
}

touch "$tmp/stamp"
up
jq -e '[.hosts[].system_disk | .loop, .mount] | unique | length == 6' "$out" >/dev/null ||
	fail "a disk and a mount for each host"
jq -e '[.disks[] | select(.system) | .system] == ["h1", "h2", "h3"]' "$out" >/dev/null ||
	fail "the disks' own counters: $(jq -c '[.disks[] | .system]' "$out")"
target=$(jq -r '.hosts[0].system_disk.target' "$out")
for h in h1 h2 h3; do
	fs=$(jq -r --arg h $h '.hosts[] | select(.name == $h).system_disk.mount' "$out")
	loop=$(jq -r --arg h $h '.hosts[] | select(.name == $h).system_disk.loop' "$out")
	grep -q "^$loop $fs ext4 " /proc/mounts || fail "$loop is not mounted on $fs"
	[ -d "$fs/$h/store.db" ] || fail "the store of monitor $h is not on its disk"
	[ -s "$fs/mon.$h.log" ] || fail "the log of monitor $h is not on its disk"
done
[ -z "$(find /var/log/ceph -newer "$tmp/stamp" -name 'ceph*' 2>/dev/null)" ] ||
	fail "a monitor wrote to the machine's own /var/log/ceph"
run lab status "$lab"
expect_stdout "$target"

# What is flushed to a file there is flushed by the disk of that host, and of no other; the
# monitors' own writes are few beside it.
RUN_TIMEOUT=90 run run micro --lab "$lab" --on "all=$target" --set size=64MiB --set flush=1 \
	--set bs=8KiB --duration 5s -q -o "$tmp/r.json"
case $status in
0 | 11 | 13) ;;
*) fail "a run on the system disk" ;;
esac
jq -e '.totals.flushes as $f | [.facts.lab.disks[] | select(.system)] as $d
	| $f > 50 and $d[0].disk.flushes >= $f and $d[1].disk.flushes < $f
	and $d[2].disk.flushes < $f and $d[0].disk.media_writes > 0' "$tmp/r.json" >/dev/null ||
	fail "flushes: $(jq -c '[.totals.flushes, [.facts.lab.disks[] | [.system, .disk.flushes]]]' "$tmp/r.json")"
echo "flushes: $(jq -c '[.totals.flushes, [.facts.lab.disks[] | select(.system).disk.flushes]]' "$tmp/r.json")"
down "after a run"

# With monitors' writes under way, on a disk that hangs and on one that is gone.
up
kill -STOP "$(pgrep -f "disk serve.*$tmp/s/$lab/disk/system-h1")"
kill -9 "$(pgrep -f "disk serve.*$tmp/s/$lab/disk/system-h2")"
umount -l "$tmp/s/$lab/disk/system-h2"
sleep 1
down "with a system disk that hangs and one that is gone"

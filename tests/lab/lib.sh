# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by every script in tests/lab after tests/system/lib.sh. Gives the test a lab of its
# own, $lab, from a copy of a cluster file in a state folder of its own, so that a lab
# somebody uses is not touched.
#
#   requires_lab            skips unless this machine can carry a lab
#   lab_like NAME           the lab's file is a copy of that one, in place of seed-direct
#   nothing_left            fails if anything of $lab is on this machine
#   now / since START       seconds, for the log

requires_lab() {
	requires_root
	requires ceph-mon ceph-mgr ceph-osd monmaptool ip tc losetup jq
	for _d in /dev/fuse /dev/loop-control; do
		[ -e "$_d" ] || skip "$_d is missing"
	done
	_kb=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)
	[ "$_kb" -gt 11000000 ] || skip "10.5 GiB of available memory (there are $((_kb / 1048576)))"
	lab=hcbtest$$
	# shellcheck disable=SC2116,SC2086 # what others have attached, on one line
	loops_before=$(echo /sys/block/loop*/loop/backing_file)
	# shellcheck disable=SC2154 # tmp is system/lib.sh's
	HCBENCH_LAB_DIR=$tmp/s
	export HCBENCH_LAB_DIR
	cp "$HCB_SRC/lab/clusters/seed-direct.ini" "$tmp/$lab.ini"
	# shellcheck disable=SC2016 # expanded when the test ends
	at_exit 'timeout 60 "$HCBENCH" lab down "$lab" >/dev/null 2>&1'
}

lab_like() {
	cp "$HCB_SRC/lab/clusters/$1.ini" "$tmp/$lab.ini"
}

# Looks for everything itself: a leak must not hide behind a mistake in "lab down".
nothing_left() {
	_left=$(
		grep -lza "^HCBENCH_LAB=$lab\$" /proc/[0-9]*/environ 2>/dev/null |
			while IFS=/ read -r _ _ _pid _; do
				grep -q '^State:.*Z' "/proc/$_pid/status" 2>/dev/null ||
					tr '\0' ' ' <"/proc/$_pid/cmdline" 2>/dev/null
			done
		pgrep -fa "$tmp/s" | grep -v pgrep
		ip netns list | grep "hcb-$lab"
		grep "$tmp/s" /proc/self/mountinfo
		for _l in /sys/block/loop*/loop/backing_file; do
			case " $loops_before " in *" $_l "*) continue ;; esac
			grep -e "$tmp/s" -e '^/disk' "$_l" 2>/dev/null
		done
		find "$tmp/s" -mindepth 1 2>/dev/null
		find /sys/fs/cgroup -maxdepth 2 -name "hcb-$lab" 2>/dev/null
	)
	[ -z "$_left" ] || fail "$1: left behind: $_left"
}

now() {
	cut -d' ' -f1 /proc/uptime
}

since() {
	awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f s", b - a }'
}

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# "lab up" killed at any moment: "lab down" leaves nothing, and the next "lab up" works.
. "$(dirname "$0")/../system/lib.sh"
. "$(dirname "$0")/lib.sh"
requires_lab

down() { # WHAT
	t=$(now)
	run lab down "$lab"
	expect_exit 0
	nothing_left "$1"
	echo "$1: down in $(since "$t")"
}

# At the beginning of a step, that is at the end of the one before.
for step in network disks conf mkfs map osds pools health timing finish; do
	HCBENCH_LAB_KILL_AT=$step
	export HCBENCH_LAB_KILL_AT
	run lab up "$tmp/$lab.ini" --cold
	expect_exit 137
	down "killed at $step"
done
unset HCBENCH_LAB_KILL_AT

# In the middle of whatever it does then: stores being made, election, peering, warm-up.
for s in 0.6 2.5 7 16; do
	"$HCBENCH" lab up "$tmp/$lab.ini" >"$out" 2>"$err" &
	pid=$!
	sleep "$s"
	kill -9 "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	down "killed after $s s"
done

# Told to stop, it cleans up by itself.
"$HCBENCH" lab up "$tmp/$lab.ini" --cold >"$out" 2>"$err" &
pid=$!
sleep 3
kill -TERM "$pid"
wait "$pid"
status=$? last_run="hcbench lab up, SIGTERM"
expect_exit 143
nothing_left "after SIGTERM"
echo "SIGTERM: $(tail -n 1 "$err")"

# "lab down" stops a "lab up" that is still at work.
"$HCBENCH" lab up "$tmp/$lab.ini" --cold >"$out" 2>"$err" &
pid=$!
sleep 2
down "while it was being built"
wait "$pid"

# A disk server that hangs does not hang "lab down".
run lab up "$tmp/$lab.ini" --cold
expect_exit 0
kill -STOP "$(pgrep -f "disk serve.*$tmp/s/$lab/disk/1")"
kill -STOP "$(cat "$tmp/s/$lab/run/mon.h2.pid")"
down "with a stopped disk and a stopped monitor"

# A disk server that is gone: the loop device's file lies on a mount that is no more.
run lab up "$tmp/$lab.ini" --cold
expect_exit 0
kill -9 "$(pgrep -f "disk serve.*$tmp/s/$lab/disk/2")"
umount -l "$tmp/s/$lab/disk/2"
down "with a dead disk"

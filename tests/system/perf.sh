#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What `make bench` runs: options, rows, the two outputs. Not the figures: they are this
# machine's, and it is busy.
. "$(dirname "$0")/lib.sh"
requires fio jq
perf=$HCB_BUILD/perf/hcb-perf
[ -x "$perf" ] || fail "$perf is not built"

TMPDIR=$tmp/work
export TMPDIR
mkdir "$TMPDIR"

perf() {
	last_run="hcb-perf $*"
	status=0
	timeout -k 5 100 "$perf" "$@" >"$out" 2>"$err" </dev/null || status=$?
}

perf --list
expect_exit 0
expect_stdout null-1 uring-disk rbd stream hdd-32

perf --rows nul-1
expect_exit 2
expect_stderr_lines 1
expect_stderr 'did you mean "null-1"'
perf --bloks 3
expect_exit 2
perf --blocks 1
expect_exit 2
expect_stderr "expected 2 to 40"

# Against fio, with the witness, and without anybody to compare with.
perf --scale 0.05 --blocks 2 --rows null-32,stream,hdd-1 --dir "$tmp" -o "$tmp/p.json"
expect_exit 0
expect_stdout "goal" "null-32" "lateness p99, us" "run loop, reads"
jq -e '
	.schema == 1 and .kind == "perf" and .blocks == 2 and
	([.figures[].row] | unique) == ["hdd-1", "null-32", "stream"] and
	(.not_measured | length) == 0 and
	all(.figures[]; .hcbench > 0 and (.verdict | test("^(met|missed)[?]?$|^-$"))) and
	all(.figures[] | select(.row != "hdd-1"); .fio > 0) and
	all(.figures[] | select(.row == "hdd-1"); .fio == null)' "$tmp/p.json" >"$out" ||
	fail "the figures are not as they should be: $(cat "$tmp/p.json")"

# A row that cannot run names what it lacks, and the others go on.
if [ "$(id -u)" -eq 0 ]; then
	mkdir "$tmp/proc"
	mount -t proc proc "$tmp/proc" || fail "mount proc"
	at_exit "umount $tmp/proc"
	perf --scale 0.05 --blocks 2 --rows uring-file --dir "$tmp/proc"
	expect_exit 0
	expect_stdout "uring-file    not measured: needs O_DIRECT on $tmp/proc"
fi

# The program under test is missing: that is a failure, with a line.
perf --scale 0.05 --blocks 2 --rows null-1 --hcbench "$tmp/none"
expect_exit 1
expect_stderr "none"

# How long a check of a long history takes has a goal, of 10 000 nights; what fails is no 0.
nights=$HCB_BUILD/perf/history_nights
if [ -x "$nights" ]; then
	"$nights" "$tmp/nights" 20 1 0 >"$out" 2>"$err" || fail "history_nights: exit $?"
	expect_stdout "20 nights of 1 tests" "check takes" "3 series gated" "the goal is of 10000 nights"
	echo none >"$tmp/nights/history.db"
	! "$nights" "$tmp/nights" 20 1 0 >"$out" 2>"$err" || fail "history_nights of a damaged history: exit 0"
	expect_stderr_lines 1
fi

# Nothing is left behind.
[ -z "$(ls -A "$TMPDIR")" ] || fail "a working directory is left"

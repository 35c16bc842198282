#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Interleaved pairs of two scenarios on model disks, where the truth is known: a thing is
# equal to itself, and a disk without its write cache is slower at the tail.
. "$(dirname "$0")/lib.sh"
mkdir "$tmp/t"
export TMPDIR="$tmp/t" # where nobody else's directories are
requires jq

scenario() { # TARGET
	printf '[workload db]\ntype = postgres\nscale = 10\ncheckpoint_timeout = 20s\non = all: %s\n' "$1"
}
scenario hdd:generic-7200,filled=60% >"$tmp/a.ini"
scenario hdd:generic-7200,filled=60%,cache=off >"$tmp/b.ini"
mkdir "$tmp/keep"

run ab "$tmp/a.ini" "$tmp/a.ini" --pairs 2 -q -o "$tmp/same.json"
expect_exit 0
jq -e '.kind == "ab" and .partial == false and .ab.pairs == 2 and (.runs | length) == 4
	and all(.metrics[]; .verdict == "EQUIVALENT" and .ratio == 1)' "$tmp/same.json" >/dev/null ||
	fail "a scenario is not equal to itself: $(jq -c .metrics "$tmp/same.json")"

run ab "$tmp/a.ini" "$tmp/b.ini" --pairs 3 --seed 5 --keep "$tmp/keep" -o "$tmp/ab.json"
expect_exit 0
expect_stdout "A against B, 3 interleaved pairs" "SLOWER" "response p99"
expect_stderr "pair 3 of 3"
jq -e '.metrics[] | select(.name == "response p99") | .verdict == "SLOWER" and .ratio_lo > 1.2' \
	"$tmp/ab.json" >/dev/null || fail "$(jq -c .metrics "$tmp/ab.json")"
# A B, B A, A B; one seed a pair; the results are kept.
[ "$(jq -r '[.runs[].side] | join("")' "$tmp/ab.json")" = abbaab ] || fail "not interleaved"
[ "$(jq -s -c 'map(.run.seed)' "$tmp/keep/a2.json" "$tmp/keep/b2.json")" = "[6,6]" ] || fail "seeds of pair 2"
"$HCBENCH" report text "$tmp/ab.json" | grep -q "A against B" || fail "report text"
# Pairs in one and the same lab say what their intervals leave out; these had none.
jq -e '.ab.a.same_lab == false' "$tmp/ab.json" >/dev/null || fail "same_lab"
"$HCBENCH" report text "$tmp/ab.json" | grep -q "every pair ran in the same lab" && fail "a lab out of nowhere"
jq '.ab.b.same_lab = true' "$tmp/ab.json" >"$tmp/shared.json"
"$HCBENCH" report text "$tmp/shared.json" | grep -q "every pair ran in the same lab" || fail "shared labs are not told"

# What cannot be: one line and its code.
run ab "$tmp/a.ini"
expect_exit 2
expect_stderr_lines 1
run ab "$tmp/a.ini" "$tmp/none.ini" -q
expect_exit 1
expect_stderr "none.ini"
run ab "$tmp/a.ini" "$tmp/b.ini" --pairs 1
expect_exit 2
# Labs: what is no pair of them is said before anything is built.
for labs in seed-direct "seed-direct," seed-direct,seed-direct a,b,c "seed-direct,no/such name"; do
	run ab "$tmp/a.ini" --labs "$labs"
	expect_exit 2
	expect_stderr_lines 1
	expect_stderr "--labs $labs"
done
run ab "$tmp/a.ini" "$tmp/b.ini" --together
expect_exit 2
expect_stderr "are of --labs A,B"
# before a lab is built for the first run
run ab "$tmp/a.ini" --labs seed-tinc,seed-direct --tunnel-ends
expect_exit 2
expect_stderr_lines 1
expect_stderr "seed-direct's cluster file says nothing of tunnel_us_per_packet"
run ab "$tmp/a.ini" --labs no-such-lab,nor-this -q
[ "$status" -ne 0 ] || fail "a lab that no cluster file describes"
expect_stderr_lines 1
expect_stderr "no-such-lab"
# An option for the runs reaches both.
run ab "$tmp/a.ini" "$tmp/a.ini" --pairs 2 -q --set scale=11 --duration 25s --keep "$tmp/keep"
jq -s -e 'all(.[]; .run.params.scale == 11 and (.run.command | test("--duration 25s")))' \
	"$tmp/keep/a1.json" "$tmp/keep/b2.json" >/dev/null || fail "--set and --duration did not reach the runs"
run ab "$tmp/a.ini" "$tmp/a.ini" -q --set no_such=1
expect_exit 2
expect_stderr "no_such"
scenario hdd:no-such >"$tmp/bad.ini"
run ab "$tmp/a.ini" "$tmp/bad.ini" -q
[ "$status" -ne 0 ] || fail "a profile that is not there"
expect_stderr_lines 1
expect_stderr "no-such"
[ -z "$(ls -A "$tmp/t")" ] || fail "left behind: $(ls -A "$tmp/t")"
# Ctrl-C ends the run that is under way, not after it: this one would take an hour.
printf '[scenario]\nclock = real\nduration = 1h\n[workload m]\ntype = micro\nkind = write\nrate = 10/s\nsize = 16M\non = all: null:\n' >"$tmp/long.ini"
"$HCBENCH" ab "$tmp/long.ini" "$tmp/long.ini" -q >"$out" 2>"$err" &
pid=$!
i=0
until pgrep -P "$pid" >/dev/null; do
	i=$((i + 1))
	[ $i -lt 200 ] || fail "ab started no run"
	sleep 0.1
done
kill -TERM "$pid"
wait "$pid"
status=$? last_run="hcbench ab, SIGTERM"
expect_exit 143
[ -z "$(ls -A "$tmp/t")" ] || fail "left behind: $(ls -A "$tmp/t")"
if pgrep -f "run $tmp/long.ini" >/dev/null; then fail "its run goes on"; fi

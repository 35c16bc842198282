#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# run --repeat: runs of their own with the next seeds, kept one by one, and the interval
# from the spread between them.
. "$(dirname "$0")/lib.sh"

micro="micro --on all=hdd:generic-7200 --set kind=write --set size=64MiB --duration 1s"
# shellcheck disable=SC2086 # words
run run $micro --seed 7 --repeat 3 -o "$tmp/r.json"
expect_exit 0
expect_stdout "3 runs of micro" "95 % interval" "--clock virtual --repeat 3"
[ "$(grep -c 'run [123] of 3: VALID' "$err")" -eq 3 ] || fail "progress"
jq -e '.kind == "repeat" and .partial == false and .repeat.runs == 3 and .repeat.dropped_runs == 0
	and [.runs[].seed] == [7, 8, 9] and [.runs[].file] == ["r-1.json", "r-2.json", "r-3.json"]
	and (.transactions[0].metrics | map(select(.name == "rate"))[0]
	| (.values | length) == 3 and .lo < .value and .value < .hi)' "$tmp/r.json" >/dev/null ||
	fail "$(jq -c . "$tmp/r.json")"
# A repetition is the run that --seed makes alone, and the summary has its numbers.
# shellcheck disable=SC2086
run run $micro --seed 8 -q -o "$tmp/alone.json"
jq -s -e '(.[0] | .run.command |= sub(" -o.*"; "")) == .[1]' "$tmp/r-2.json" "$tmp/alone.json" >/dev/null ||
	fail "the second of the runs is not that of seed 8"
jq -s -e '.[0].transactions[0].metrics[0].values[1] == .[1].transactions[0].rate_per_s' \
	"$tmp/r.json" "$tmp/alone.json" >/dev/null || fail "not its rate"
run report text "$tmp/r.json"
expect_exit 0
expect_stdout "3 runs of micro"

# From a scenario, which the command line beats; nothing is left without -o.
printf '[scenario]\nduration = 1s\nrepeat = 2\n[workload m]\ntype = micro\nkind = write\nsize = 64M\non = all: hdd:generic-7200\n' >"$tmp/s.ini"
mkdir "$tmp/t"
TMPDIR=$tmp/t
export TMPDIR
run run "$tmp/s.ini" --json -q
expect_exit 0
jq -e '.kind == "repeat" and .repeat.runs == 2 and (.runs | all(has("file") | not))' "$out" >/dev/null || fail "repeat = 2"
run run "$tmp/s.ini" --json -q --repeat 1
expect_exit 0
jq -e '.kind == "run"' "$out" >/dev/null || fail "--repeat 1"

# What cannot be: one line. What fails fails as one run does. Ctrl-C ends the run at work.
for n in 0 101 x; do
	run run "$tmp/s.ini" --repeat $n
	expect_exit 2
	expect_stderr_lines 1
	expect_stderr "--repeat $n"
done
run run "$tmp/s.ini" --verify --verify-log "$tmp/log"
expect_exit 2
expect_stderr "--verify-log is of one run"
run run "$tmp/s.ini" -o "$tmp/none/r.json"
expect_exit 2
expect_stderr_lines 1
"$HCBENCH" run micro --on all=null: --set kind=write --set rate=10/s --set size=16MiB --clock real \
	--duration 1h --repeat 2 -q >"$out" 2>"$err" &
pid=$!
i=0
until pgrep -P "$pid" >/dev/null; do
	i=$((i + 1))
	[ $i -lt 200 ] || fail "no run began"
	sleep 0.1
done
kill -TERM "$pid"
wait "$pid"
status=$? last_run="hcbench run --repeat, SIGTERM"
expect_exit 143
[ -z "$(ls "$tmp/t")" ] || fail "left behind: $(ls "$tmp/t")"

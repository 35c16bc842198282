#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Nights that check measures itself, on a model disk in virtual time: it learns, is content,
# finds a slower disk at once and makes that test's runs again; and what ends a night early
# (its deadline, a signal) leaves what is complete and keeps out what is not.
. "$(dirname "$0")/lib.sh"
requires jq
HCBENCH_HISTORY=$tmp/h TZ=UTC
export HCBENCH_HISTORY TZ
"$HCBENCH" history --help | grep -q 'not available' && skip "built without sqlite3"

# A disk that can become slower without being another one: the profile is known by its name.
sed '/^\[published\]/,$d' "$HCB_SRC/lab/disks/generic-7200.ini" >"$tmp/disk.ini"
scenario() { # FILE PATTERN
	printf '[scenario]\nduration = 8s\n[workload w]\ntype = micro\nkind = write\npattern = %s\nbs = 8KiB\n' "$2" >"$1"
	printf 'depth = 1\nflush = 1\nsize = 4GiB\non = all: hdd:%s,filled=60%%\n' "$tmp/disk.ini" >>"$1"
}
scenario "$tmp/commits.ini" random
scenario "$tmp/log.ini" sequential

night() { # N ARGS...
	_n=$1
	shift
	run check --run "$tmp/commits.ini" --run "$tmp/log.ini" --night "$(printf '2026-05-%02d' "$_n")" \
		--seed $((_n * 100)) "$@"
}

night 1
expect_exit 12
expect_stdout "LEARNING: night 2026-05-01" "commits.io.p99" "log.io.p99"
# In turns: not one test and then the other.
grep -o 'check: [a-z]*, run' "$err" | cut -c8-8 | tr -d '\n' >"$tmp/order"
[ "$(cat "$tmp/order")" = cllccllccl ] || fail "the order was $(cat "$tmp/order")"
[ "$(find "$HCBENCH_HISTORY/results/2026-05-01" -name '*.json' | wc -l)" -eq 10 ] || fail "five runs of two are not ten results"
[ ! -e "$HCBENCH_HISTORY/partial" ] || fail "left: $(find "$HCBENCH_HISTORY/partial")"
for i in 2 3 4 5 6 7 8 9 10 11; do night $i -q; done
night 12 --format json -o "$tmp/c.json" --format prom -o "$tmp/h.prom" --format junit -o "$tmp/j.xml"
expect_exit 0
expect_stdout "OK: night 2026-05-12"
jq -e '.measured | .tests == ["commits", "log"] and .blocks == 5 and .complete == 10 and .partial == 0 and .again == []
	and .unfit == [] and .start == null' "$tmp/c.json" >/dev/null || fail "$(jq -c .measured "$tmp/c.json")"
grep -q '^hcbench_night_verdict{state="OK"} 1' "$tmp/h.prom" || fail "no .prom"
[ -s "$tmp/j.xml" ] || fail "no JUnit"
run history rebuild --compare
expect_exit 0

# A slower arm: what seeks is suspect, is run again, and that agrees; what does not is left.
cp "$tmp/disk.ini" "$tmp/good.ini"
sed 's/^\(knee_time = \).*/\116.4ms/; s/^\(full_stroke = \).*/\136ms/' "$tmp/good.ini" >"$tmp/disk.ini"
night 13 --format json -o "$tmp/c.json"
expect_exit 0
expect_stdout "SUSPECT"
expect_stderr "commits looks suspect: once more"
jq -e '.measured.again == ["commits"] and .measured.complete == 15
	and ([.series[] | select(.gated and .test == "log" and .state != "OK")] == [])' "$tmp/c.json" >/dev/null ||
	fail "$(jq -c '.measured, [.series[] | [.label, .state]]' "$tmp/c.json")"
[ "$(cat "$HCBENCH_HISTORY"/results/2026-05-13/*commits.json | jq -s 'map(select(.history.rerun)) | length')" -eq 5 ] ||
	fail "the runs made again are not marked"
# Twice far out, and the runs made again agree both times: no third night is waited for.
night 14
expect_exit 10
expect_stdout "REGRESSION commits.io"

# The deadline: no run begins that would not end in time, one that is at work is ended. In
# real time, on nothing.
cat >"$tmp/second.ini" <<-'EOF'
	[scenario]
	duration = 2s
	clock = real
	[workload w]
	type = micro
	kind = write
	rate = 200/s
	on = all: null:
EOF
sed 's/^duration.*/duration = 30s/' "$tmp/second.ini" >"$tmp/long.ini"
HCBENCH_HISTORY=$tmp/h2
run check --run "$tmp/second.ini" --deadline 4400ms --format json -o "$tmp/c.json"
expect_exit 13
expect_stderr "leaves no room for second, run"
jq -e '.measured.deadline_reached and .measured.complete == 1' "$tmp/c.json" >/dev/null || fail "$(jq -c .measured "$tmp/c.json")"
HCBENCH_HISTORY=$tmp/h3
run check --run "$tmp/long.ini" --deadline 1500ms
expect_exit 13
expect_stderr "ended long, run 1" "no run was complete"
[ "$(find "$tmp/h3/results" -name '*.json' 2>/dev/null | wc -l)" -eq 0 ] || fail "a partial result is in the history"
jq -e .partial "$tmp"/h3/partial/*/long-1.json >/dev/null || fail "the partial result is not kept apart"

# A run in which the bench stood still is INVALID (though most ops queued behind the first
# that was late), and made once more; when that does not help either, the test's others are
# not. A run is made to stand still for half of its time, from its start to its end, whenever
# that is noticed.
sed 's/^duration.*/duration = 1s/' "$tmp/second.ini" >"$tmp/one.ini"
stand_still() { # N: the next N runs
	_n=0
	while [ "$_n" -lt "$1" ]; do
		_p=$(pgrep -o -f "^/proc/self/exe run $tmp/one.ini") || continue
		while kill -STOP "$_p" 2>/dev/null && sleep 0.05 && kill -CONT "$_p" 2>/dev/null; do
			sleep 0.05
		done
		_n=$((_n + 1))
	done
}
late_night() { # N BLOCKS
	HCBENCH_HISTORY=$tmp/late$1
	stand_still "$1" &
	pid=$!
	run check --run "$tmp/one.ini" --blocks "$2" --format json -o "$tmp/c.json"
	kill $pid 2>/dev/null
	wait $pid 2>/dev/null
	measured=$(jq -c '.measured | [.complete, .invalid, .failed, .partial]' "$tmp/c.json")
}
late_night 1 1
expect_stderr "one, run 1 was INVALID: " "run 1 of 1, second try"
cat "$HCBENCH_HISTORY"/results/*/*.json | jq -s -e 'any(.[].validity.reasons[]; contains("did not run for"))' >/dev/null ||
	fail "nothing says that the bench did not run: $(cat "$HCBENCH_HISTORY"/results/*/*.json | jq -c .validity.reasons)"
jq -e '.measured | .complete >= 2 and .invalid >= 1 and .failed == 0' "$tmp/c.json" >/dev/null ||
	fail "one late run of one: $measured"
# All tries have the same arrivals; but for the last one they are none of the night's runs.
cat "$HCBENCH_HISTORY"/results/*/*.json | jq -s -e '(map(.run.seed) | unique | length) == 1
	and (map(select(.history.rerun | not)) | length) == 1
	and all(.[] | select(.history.rerun); .validity.verdict == "INVALID")' >/dev/null ||
	fail "kept: $(cat "$HCBENCH_HISTORY"/results/*/*.json | jq -c '[.run.seed, .validity.verdict, .history.rerun]')"
# More than there are: each that is made.
late_night 9 2
expect_stderr "one, run 1 was INVALID once more" "one, run 2 was INVALID:"
[ "$measured" = '[4,4,0,0]' ] || fail "four late runs: $measured"

# A clock that was ahead: every later night is refused until that one is taken out. One that
# is far after the newest is said where nobody keeps the clock right.
HCBENCH_HISTORY=$tmp/ahead
run check --run "$tmp/commits.ini" --night 2199-01-01 -q
expect_exit 12
run check --run "$tmp/commits.ini"
expect_exit 13
expect_stderr_lines 1
expect_stderr "the history has night 2199-01-01" "hcbench history drop-night 2199-01-01"
run history drop-night 2199-01-01
expect_exit 0
run check --run "$tmp/commits.ini" --night 2026-05-01 -q
expect_exit 12
run probe --controls --look --json
kept=$(jq .environment.clock.synchronized "$out")
run check --run "$tmp/commits.ini"
expect_exit 12
said=$(grep -c "days after the newest one, and the kernel says that the clock is not synchronized" "$out")
case $kept$said in false1 | true0 | null0) ;; *) fail "synchronized: $kept, and said $said times" ;; esac

# A signal: the complete run stays, the other one is kept apart, and meanwhile nobody else
# measures for this history.
HCBENCH_HISTORY=$tmp/h4
"$HCBENCH" check --run "$tmp/second.ini" --run "$tmp/long.ini" >"$tmp/bg.out" 2>"$tmp/bg.err" &
pid=$!
i=0
while ! grep -q 'long, run 1' "$tmp/bg.err" && [ $i -lt 100 ]; do
	sleep 0.1
	i=$((i + 1))
done
sleep 0.5
run check --run "$tmp/second.ini"
expect_exit 13
expect_stderr "another night is at work"
kill -INT $pid
wait $pid
status=$? last_run="hcbench check --run, SIGINT"
[ "$status" -eq 130 ] || fail "exit code $status after SIGINT: $(cat "$tmp/bg.err")"
ls "$tmp"/h4/results/*/*second.json >/dev/null || fail "the complete run is lost"
[ "$(find "$tmp/h4/results" -name '*.json' | wc -l)" -eq 1 ] || fail "a partial result is in the history"
jq -e .partial "$tmp"/h4/partial/*/long-1.json >/dev/null || fail "the partial result is not kept apart"
run history rebuild --compare
expect_exit 0

# What a person may type.
run check --blocks 3
expect_exit 2
expect_stderr "--blocks is of --run"
run check --run "$tmp/second.ini" --run "$tmp/h4/../second.ini"
expect_exit 2
expect_stderr "has the same name"
run check --run "$tmp/none.ini"
expect_exit 2
run check --run "$tmp/second.ini" --spread 2h --deadline 1h
expect_exit 2
run check --run "$tmp/second.ini" --deadlien 1h
expect_exit 2
expect_stderr 'did you mean'
run check --brief
expect_exit 2
expect_stderr "--brief is of --run"
printf '[fault 1]\nat = 1s\ndo = kill-host h1\n' | cat "$tmp/second.ini" - >"$tmp/broken.ini"
run check --run "$tmp/broken.ini"
expect_exit 2
expect_stderr "breaks nothing"
run probe --controls nopool:x
expect_exit 2
run probe --controls --path here
expect_exit 2
run probe --controls --look --json
expect_exit 0
jq -e '.kind == "controls" and .environment.cluster == null and (.environment.clock.unix_s > 1e9)' "$out" >/dev/null ||
	fail "a look at this machine"
# What ci/nightly runs is there, and is what it should be; and where nobody can say how the
# cluster is, nothing is measured.
HCBENCH_HISTORY=$tmp/h5
run check --run "$HCB_SRC/lab/nightly/postgres.ini" --run "$HCB_SRC/lab/nightly/commits.ini" --lab "none$$" --settle 0
rm -f "/run/lock/hcbench-night-lab-none$$.lock" "/tmp/hcbench-night-lab-none$$.lock"
expect_exit 13
expect_stderr "nothing is measured tonight"
[ -z "$(find "$tmp/h5" -name '*.json')" ] || fail "something was measured"
# The deadline is for waiting too: without it this takes ten minutes.
run check --run "$HCB_SRC/lab/nightly/commits.ini" --lab "none$$" --settle 10m --deadline 20s
rm -f "/run/lock/hcbench-night-lab-none$$.lock" "/tmp/hcbench-night-lab-none$$.lock"
expect_exit 13
expect_stderr "nothing is measured tonight"
run lab check "$HCB_SRC/lab/nightly/nightly.ini" --json
case $status in 0 | 1) ;; *) fail "lab/nightly/nightly.ini: exit $status" ;; esac

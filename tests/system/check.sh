#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The nightly gate over synthetic nights made from one real run: quiet nights, a slower
# disk, an acknowledgement, a control that moves, and every form of output.
. "$(dirname "$0")/lib.sh"
requires jq
jqs=$HCB_SRC/tests/system/night.jq
HCBENCH_HISTORY=$tmp/h TZ=UTC
export HCBENCH_HISTORY TZ

night() { # N FACTOR [KERNEL [CPU]]
	jq --arg i "$1" --arg f "$2" --arg k "${3:-6.8.4}" --arg c "${4:-test}" -f "$jqs" "$tmp/real.json" >"$tmp/n$1.json"
}
add() { # N FACTOR [KERNEL [CPU]]
	night "$@"
	run history add "$tmp/n$1.json" --name db
	expect_exit 0
}

run run postgres --on all=hdd:generic-7200,filled=60% --clock virtual --seed 1 --duration 70s \
	--set checkpoint_timeout=10s --set scale=10 -q -o "$tmp/whole.json"
expect_exit 0
# Smaller, and so faster to add a hundred times.
jq '.intervals = [] | del(.blocks[].transactions[].histogram, .blocks[].streams)' "$tmp/whole.json" >"$tmp/real.json"
"$HCBENCH" history --help | grep -q 'not available' && skip "built without sqlite3"

# Learning says so and is no green light.
files=
for i in 1 2 3 4 5 6 7 8 9 10; do
	night $i 1
	files="$files $tmp/n$i.json"
done
# shellcheck disable=SC2086 # words
run history add $files --name db
expect_exit 0
run check
expect_exit 12
expect_stdout "LEARNING: night 2026-05-10" "10 of 11 nights"

files=
for i in 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33; do
	night $i 1
	files="$files $tmp/n$i.json"
done
# shellcheck disable=SC2086 # words
run history add $files --name db
expect_exit 0
run check
expect_exit 0
expect_stdout "OK: night 2026-06-02, 3 series gated, 3 judged" "db.commit.rate" "finds"
[ -e "$HCBENCH_HISTORY/checks/2026-06-02.json" ] || fail "what was said is not kept"
# The same history, the same bytes.
cp "$out" "$tmp/first"
run check
cmp -s "$out" "$tmp/first" || fail "a second look says something else"

# Thresholds from its own nights, and the shipped ones again; both known to a rebuild.
run history calibrate db.commit.p99
expect_exit 0
expect_stdout "db.commit.p99" "(from 33, seed 1)"
run check
expect_stdout "calibrated"
run history calibrate --reset
expect_exit 2
expect_stderr_lines 1
run history calibrate --reset db.commit.p99 db.commit.p50
expect_exit 0
expect_stdout "has the shipped thresholds again" "is not calibrated"
run check
cmp -s "$out" "$tmp/first" || fail "not what it was before it was calibrated"
run history rebuild --compare
expect_exit 0
expect_stdout "the database was equal"

# An upgrade, and slower by a half: suspect at once, red within nights, and then every night until somebody
# says that it is known.
add 34 1.5 6.8.8
run check
expect_exit 0
expect_stdout "SUSPECT db.commit.p99" "run the test again"
run check --fail-on suspect -q
expect_exit 10
red=
for i in 35 36 37 38 39 40; do
	add $i 1.5 6.8.8
	run check --json
	[ "$status" -eq 0 ] || red="$red $i"
done
run check
expect_exit 10
case $red in *" 37 38 39 40") ;; *) fail "red on the nights$red" ;; esac
expect_stdout "REGRESSION db.commit.p99 +" "since 2026-06-03 (7 nights)" "no controls to judge by" \
	"changed: machine.kernel 6.8.4 -> 6.8.8" "hcbench check explain db.commit.p99"
run check --fail-on never
expect_exit 0
run check explain db.commit.p99
expect_exit 0
expect_stdout "baseline" "median of 30 nights" "began     night 2026-06-03" "again     hcbench run postgres" \
	"finds" "#"

# Every other form says the same, and is what it should be.
run check --format junit -o "$tmp/j.xml" --format prom -o "$tmp/h.prom" --format markdown -o "$tmp/m.md" \
	--format json -o "$tmp/c.json" --format github
expect_exit 10
expect_stdout "::error title=db.commit.p99::REGRESSION"
grep -q '<testsuites name="hcbench check, night 2026-06-09" tests="3" failures="3" errors="0" skipped="0">' "$tmp/j.xml" ||
	fail "JUnit: $(head -n 2 "$tmp/j.xml")"
grep -q 'hcbench_verdict{series="db.commit.p99",key="[0-9a-f]*",state="REGRESSION"} 1' "$tmp/h.prom" || fail "prom: no verdict"
grep -q '^hcbench_last_success_timestamp_seconds 1781058600$' "$tmp/h.prom" || fail "prom: $(grep last_success "$tmp/h.prom")"
! grep -vE '^(# (HELP|TYPE) hcbench_[a-z_]+ .+|hcbench_[a-z_]+(\{[^}]*\})? -?[0-9.e+-]+)$' "$tmp/h.prom" || fail "prom: a line that is none"
[ "$(grep -c '^# TYPE' "$tmp/h.prom")" -eq "$(grep '^# TYPE' "$tmp/h.prom" | sort -u | wc -l)" ] || fail "prom: a metric declared twice"
grep -q '^| db.commit.p99 | REGRESSION |' "$tmp/m.md" || fail "markdown"
jq -e '.kind == "check" and .exit_code == 10 and .verdict == "REGRESSION"
	and (.series[] | select(.label == "db.commit.p99") | .effect > 0.4 and .effect < 0.6
		and .effect_lo < .effect and .effect_hi > .effect and .onset.night == "2026-06-03")
	and (.series[] | select(.label == "db.commit.rate") | .effect < -0.25 and .effect_lo < .effect_hi)' \
	"$tmp/c.json" >/dev/null || fail "$(jq -c '.series[] | [.label, .effect, .effect_lo, .effect_hi, .onset]' "$tmp/c.json")"
for kind in text junit prom markdown json github; do
	"$HCBENCH" report $kind "$tmp/c.json" >/dev/null || fail "report $kind"
done
if command -v python3 >/dev/null; then
	python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$tmp/j.xml" || fail "JUnit is no XML"
fi

# Known: its level is the new baseline as soon as it has ten nights.
for s in rate p50 p99; do
	run history ack db.commit.$s --why "slower disk, known"
	expect_exit 0
done
run check
expect_exit 0
run history ack db.commit.p99 --why "again"
expect_exit 2
expect_stderr "is acknowledged as of night 2026-06-09 already"
for i in 41 42 43 44 45; do add $i 1.5 6.8.8; done
run check
[ "$status" -ne 10 ] || fail "red after it was acknowledged"
# The nights before the step are of another level: with them nothing of its size were seen.
run history calibrate db.commit.p99
expect_exit 12
expect_stdout "12 quiet nights of its level, which it has since night 2026-06-03, 30 needed"
run history rebuild --compare
expect_exit 0

# Another machine is a new environment: its series learn, it is said why, and a link carries on.
add 46 1.5 6.8.8 other
run check
expect_exit 12
expect_stdout "machine.cpu test -> other" "hcbench history link"
"$HCBENCH" check --json | jq -r '.series[] | select(.replaces) | "\(.replaces.key) \(.key)"' >"$tmp/links"
[ "$(wc -l <"$tmp/links")" -eq 3 ] || fail "$(cat "$tmp/links")"
while read -r a b; do
	"$HCBENCH" history link "$a" "$b" 2>/dev/null || fail "link $a $b"
done <"$tmp/links"
run check
[ "$status" -eq 0 ] || [ "$status" -eq 10 ] || fail "exit code $status after the links"
! grep -q LEARNING "$out" || fail "learning, although carried over"

# A control that moves with it: the environment, not a regression.
rm -rf "$tmp/e"
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38; do
	f=1
	[ $i -lt 33 ] || f=1.5
	night $i $f
done
# shellcheck disable=SC2046 # words
run history add --history "$tmp/e" --name db $(seq -f "$tmp/n%.0f.json" 1 38)
expect_exit 0
for i in $(seq 1 38); do jq '.run.id += "c"' "$tmp/n$i.json" >"$tmp/c$i.json"; done
# shellcheck disable=SC2046 # words
run history add --history "$tmp/e" --name disk --control $(seq -f "$tmp/c%.0f.json" 1 38)
expect_exit 0
run check --history "$tmp/e"
expect_exit 11
expect_stdout "ENVIRONMENT: night" "control moved: disk.commit"
"$HCBENCH" check --history "$tmp/e" --json | jq -e '.environment.verdict == "CONTROL"' >/dev/null || fail "no control"

# What a person may type.
run check --fail-on regresion
expect_exit 2
expect_stderr 'did you mean "regression"?'
run check --format xml
expect_exit 2
run check --format junit --format prom
expect_exit 2
expect_stderr_lines 1
run check --night 1999-01-01
expect_exit 12
run check --gate no.such
expect_exit 2
run check explain
expect_exit 2
# No gate that finds nothing under 30 %.
files=
for i in $(seq 1 20); do
	night "$i" "$(echo "$i" | awk '{ print 1 + 0.7 * (($1 * 37) % 11) / 11 }')"
	files="$files $tmp/n$i.json"
done
# shellcheck disable=SC2086 # words
run history add --history "$tmp/loud" --name db $files
expect_exit 0
run check --history "$tmp/loud"
expect_stdout "is not gated: the smallest change it can find is"
run check --history "$tmp/loud" --gate db.commit.p99
expect_exit 2
expect_stderr_lines 1
expect_stderr "no gate"

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# micro on a model, and on a file through each engine that this build has for one: made,
# prefilled once, flushed, counted. Whether the machine is quiet enough is not asked.
. "$(dirname "$0")/lib.sh"
requires jq

# In virtual time, with arithmetic to hold it against: nothing of postgres is printed.
run run micro --on all=hdd:generic-7200 --set size=1GiB --set flush=1 --set depth=4 \
	--duration 20s -q -o "$tmp/hdd.json"
expect_exit 0
expect_stdout "VALID  micro" "io/s" "closed loop: 4 slots" "pattern: random" "1.00 flushes per io"
for word in checkpoint WAL commit scale null nan clients; do
	grep -qw -- "$word" "$out" && fail "\"$word\" in the report of micro"
done
jq -e '.transactions[0].name == "io" and .transactions[1].name == "flush"
	and .transactions[0].count > 100 and (.blocks | length) == 1
	and .metrics.writes == .totals.writes and .metrics.flushes == .totals.flushes
	and .totals.write_bytes == 4096 * .totals.writes
	and .targets[0].counters.disk.flushes == .totals.flushes' "$tmp/hdd.json" >/dev/null ||
	fail "the counts contradict each other"
run run micro --on all=hdd:generic-7200 --set size=1GiB --set rate=20/s --duration 60s -q --json
expect_exit 0
jq -e '.run.loop == "open" and .transactions[0].rate_per_s > 15' "$out" >/dev/null ||
	fail "an open load of 20/s is not carried"

# A target that takes no time has none to measure in virtual time; in real time it has.
run run micro --on all=null: --clock virtual --duration 1s -q
expect_exit 1
expect_stdout "virtual time stands still" "--clock real"
run run micro --on all=null: --clock real --set depth=4 --duration 1s -q --json
case $status in 0 | 11 | 13) ;; *) fail "exit code $status" ;; esac
jq -e '.totals.writes > 1000' "$out" >/dev/null || fail "null: did nothing"

files=0
for engine in libaio uring; do
	"$HCBENCH" list | grep -A1 "^ $engine:" | grep -q "not available" && continue
	f=$tmp/$engine.file
	on="all=$engine:$f,make=on"
	run run micro --on "$on" --set size=8MiB --set depth=8 --set flush=4 --duration 1s -q -o "$tmp/r.json"
	case $(tail -n 1 "$err") in
	*forbidden* | *"not permitted"* | *"not implemented"*) continue ;;
	esac
	files=$((files + 1))
	case $status in 0 | 11 | 13) ;; *) fail "exit code $status" ;; esac
	jq -e '.facts.prefilled_bytes == 8388608 and .totals.errors == 0
		and .totals.flushes > 0 and .targets[0].facts.o_direct != null
		and (.targets[0].facts.mark.uuid | length) == 36' "$tmp/r.json" >/dev/null ||
		fail "the result of $engine lacks something"
	# What was written is remembered, in the file, and not written again.
	run run micro --on "all=$engine:$f" --set size=8MiB --set kind=read --set pattern=zipf \
		--duration 1s -q -o "$tmp/r.json"
	jq -e '.facts.prefilled_bytes == 0 and .totals.reads > 0 and .totals.writes == 0' \
		"$tmp/r.json" >/dev/null || fail "$engine: prefilled twice, or did not read"
	# A signal ends it in good order.
	"$HCBENCH" run micro --on "all=$engine:$f" --set size=8MiB --set depth=32 --duration 30s -q \
		-o "$tmp/cut.json" >"$out" 2>"$err" &
	pid=$!
	sleep 1
	kill -INT $pid
	status=0
	wait $pid || status=$?
	expect_exit 130
	jq -e '.partial and .totals.errors == 0' "$tmp/cut.json" >/dev/null || fail "no partial result"
done
[ "$files" -gt 0 ] || skip "liburing or libaio, or a kernel that lets us use them"

# Nobody else's file, whatever the workload.
echo "my thesis" >"$tmp/thesis"
truncate -s 16M "$tmp/thesis"
run run micro --on "all=$engine:$tmp/thesis,make=on" --set size=8MiB --duration 1s -q
expect_exit 14
expect_stderr "was not made by hcbench"
[ "$(head -n 1 "$tmp/thesis")" = "my thesis" ] || fail "the file was changed"

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Ctrl-C and SIGTERM end a run cleanly, with a result marked partial.
. "$(dirname "$0")/lib.sh"
requires jq

for sig in INT TERM; do
	rm -f "$tmp/r.json"
	# a monitor process: background jobs of sh ignore SIGINT
	timeout -s "$sig" 3 "$HCBENCH" run postgres --on all=hdd:generic-7200 --clock real \
		--duration 60s --warmup 0s -o "$tmp/r.json" >"$out" 2>"$err"
	last_run="hcbench run, SIG$sig after 3 s"
	[ -s "$tmp/r.json" ] || fail "no result after SIG$sig"
	jq -e '.partial and (.validity.verdict != "VALID")
		and (.validity.reasons[0] | test("interrupted"))
		and .transactions[0].count > 50' "$tmp/r.json" >/dev/null ||
		fail "SIG$sig: $(jq -c '[.partial, .validity]' "$tmp/r.json")"
	expect_stdout "(partial)  postgres"
done

# The exit code says which signal; timeout(1) hides it, so ask once more without.
"$HCBENCH" run postgres --on all=hdd:generic-7200 --clock real --duration 60s -q >"$out" 2>"$err" &
pid=$!
sleep 1
kill -TERM "$pid"
wait "$pid"
status=$? last_run="hcbench run, SIGTERM"
expect_exit 143

# timeout(1) and systemd signal the process and its group: one request that comes twice.
rm -f "$tmp/r.json"
"$HCBENCH" run postgres --on all=hdd:generic-7200 --clock real --duration 60s -q \
	-o "$tmp/r.json" >"$out" 2>"$err" &
pid=$!
sleep 1
for _ in 1 2 3 4 5 6 7 8; do kill -TERM "$pid" 2>/dev/null || break; done
wait "$pid"
status=$? last_run="hcbench run, SIGTERM eight times at once"
expect_exit 143
[ -s "$tmp/r.json" ] || fail "no result after a repeated SIGTERM"

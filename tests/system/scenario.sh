#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Scenario files: one workload is what the command line says; several run side by side,
# each on its own targets, and slow each other down where they share one.
. "$(dirname "$0")/lib.sh"
requires jq

# One workload from a file is the same run as from the command line.
printf '[workload db]\ntype = postgres\ncheckpoint_timeout = 30s\nrate = 40/s\non = all: hdd:generic-7200@a,filled=60%%\n' \
	>"$tmp/one.ini"
run run "$tmp/one.ini" -o "$tmp/one.json"
expect_exit 0
run run postgres --on all=hdd:generic-7200@a,filled=60% --set checkpoint_timeout=30s \
	--set rate=40/s -o "$tmp/same.json"
expect_exit 0
jq -S '.transactions, .totals' "$tmp/one.json" >"$tmp/x"
jq -S '.transactions, .totals' "$tmp/same.json" >"$tmp/y"
cmp -s "$tmp/x" "$tmp/y" || fail "a scenario of one workload is another run"

two() { # DISK-OF-DB DISK-OF-BULK
	cat <<-END
		[scenario]
		seed = 3
		[workload db]
		type = postgres
		checkpoint_timeout = 30s
		rate = 40/s
		on = all: hdd:generic-7200@$1,filled=60%
		[workload bulk]
		type = micro
		bs = 256KiB
		rate = 10/s
		on = all: hdd:generic-7200@$2,filled=60%
	END
}
two a b >"$tmp/apart.ini"
two a a >"$tmp/together.ini"
for s in apart together; do
	run run "$tmp/$s.ini" -o "$tmp/$s.json"
	expect_exit 0
	expect_stdout "VALID  postgres+micro" "db.commit" "bulk.io" "db: postgres, 16 clients, 40.0/s" \
		"bulk: micro" "again: hcbench run $tmp/$s.ini"
done
jq -e '(.targets | length) == 2 and .targets[0].volumes == ["db.wal", "db.data"]
	and .run.params.bulk.type == "micro" and .metrics.db.commits > 1000' \
	"$tmp/apart.json" >/dev/null || fail "apart: $(jq -c '[.targets, .run.params]' "$tmp/apart.json")"
jq -e '(.targets | length) == 1' "$tmp/together.json" >/dev/null || fail "together: two targets"
# On disks of their own the database does exactly what it does alone; on one disk the
# neighbour costs it.
run run "$tmp/one.ini" --seed 3 -o "$tmp/alone.json"
jq -S '.transactions[0] | del(.name)' "$tmp/alone.json" >"$tmp/x"
jq -S '.transactions[0] | del(.name)' "$tmp/apart.json" >"$tmp/y"
cmp -s "$tmp/x" "$tmp/y" || fail "a neighbour on another disk changed the commits"
jq -e -n --slurpfile a "$tmp/apart.json" --slurpfile t "$tmp/together.json" '
	def mean(d): d[0].transactions[0].response_ns.mean;
	mean($t) > 1.3 * mean($a)' >/dev/null ||
	fail "mean: $(jq -s -c 'map(.transactions[0].response_ns.mean)' "$tmp/apart.json" "$tmp/together.json")"
run run "$tmp/together.ini" -o "$tmp/again.json"
cmp -s "$tmp/together.json" "$tmp/again.json" || fail "the same seed gave other bytes"

# More than the disk carries of the second: said, with its name.
two a a | sed 's|rate = 10/s|rate = 500/s|' >"$tmp/over.ini"
run run "$tmp/over.ini" --duration 60s
expect_exit 11
expect_stdout "workload bulk"

# What cannot be: one line, exit 2.
bad() { # TEXT ARGS...
	_text=$1
	shift
	run "$@"
	expect_exit 2
	expect_stderr_lines 1
	expect_stderr "$_text"
}
bad "does not say whose; e.g. --set db.clients=4" run "$tmp/apart.ini" --set clients=4
bad "does not say whose" run "$tmp/apart.ini" --set nobody.clients=4
bad "client" run "$tmp/apart.ini" --set db.client=4
bad "would not say whose" run "$tmp/apart.ini" --on all=null:
# What is said for one of them reaches it and beats the file.
run run "$tmp/apart.ini" --set bulk.rate=11/s --set db.clients=17 -q -o "$tmp/set.json"
expect_exit 0
jq -e '.run.params.bulk.rate_per_s == 11 and .run.params.db.clients == 17 and .run.params.db.rate_per_s == 40
	and (.run.command | test("--set bulk.rate=11/s --set db.clients=17"))' "$tmp/set.json" >/dev/null ||
	fail "--set of one of several: $(jq -c .run "$tmp/set.json")"
two a b | sed 's|bs = 256KiB|bz = 256KiB|' >"$tmp/typo.ini"
bad 'did you mean "bs"' run "$tmp/typo.ini"
two a b | sed 's|on = all: hdd:generic-7200@b|on = redis: hdd:generic-7200@b|' >"$tmp/vol.ini"
bad 'has no volume "redis"' run "$tmp/vol.ini"

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The workload mastodon through the whole program: a result that reads, bulk on the
# database's disk and apart, beside a database of its own, more than a disk carries.
. "$(dirname "$0")/lib.sh"
requires jq
a=hdd:generic-7200@a,filled=60% b=hdd:generic-7200@b,filled=60%

run run mastodon --set users=5000 --set checkpoint_timeout=60s --on all=$a -o "$tmp/one.json"
expect_exit 0
expect_stdout "VALID  mastodon" "open loop" "by 5000 users" "job" "request" "redis snapshot" \
	"Mastodon in the whole run" "jobs on 60 threads"
jq -e '.run.loop == "open" and .run.params.users == 5000 and (.targets | length) == 1
	and .targets[0].volumes == ["wal", "data", "redis", "media"]
	and [.transactions[].name] == ["commit", "checkpoint", "job", "request", "snapshot"]
	and (.run.offered_per_s | . > 25 and . < 26.5)
	and .metrics.media_files > 500 and .metrics.snapshots >= 1' "$tmp/one.json" >/dev/null ||
	fail "$(jq -c '[.run, .targets[].volumes, .metrics]' "$tmp/one.json")"
run run mastodon --set users=5000 --set checkpoint_timeout=60s --on all=$a -o "$tmp/again.json"
cmp -s "$tmp/one.json" "$tmp/again.json" || fail "the same seed gave other bytes"

# Bulk on a disk of its own: two file systems, and commits wait less.
run run mastodon --set users=5000 --set checkpoint_timeout=60s --on all=$a \
	--on redis=$b --on media=$b -o "$tmp/apart.json"
expect_exit 0
jq -e -n --slurpfile o "$tmp/one.json" --slurpfile a "$tmp/apart.json" '
	def p99(d): d[0].transactions[0].response_ns.p99;
	($a[0].targets | length) == 2 and p99($a) < p99($o)' >/dev/null ||
	fail "p99: $(jq -s -c 'map(.transactions[0].response_ns.p99)' "$tmp/one.json" "$tmp/apart.json")"

# A scenario: a database of its own beside it, by hand apart from the bulk.
cat >"$tmp/both.ini" <<-END
	[workload db]
	type = postgres
	checkpoint_timeout = 30s
	rate = 20/s
	on = all: $a
	[workload social]
	type = mastodon
	users = 1000
	checkpoint_timeout = 30s
	on = wal,data: $a
	on = redis,media: $b
END
run run "$tmp/both.ini" -o "$tmp/both.json"
expect_exit 0
expect_stdout "VALID  postgres+mastodon" "db.commit" "social.job" "social: mastodon, 1000 users, open loop"
jq -e '.targets[1].volumes == ["social.redis", "social.media"] and .metrics.social.jobs > 50
	and .run.params.social.type == "mastodon"' "$tmp/both.json" >/dev/null ||
	fail "$(jq -c '[.targets, .metrics.social]' "$tmp/both.json")"

# The large instance on one disk: said to be too much, percentiles of nothing.
run run mastodon --set users=50000 --set load=3 --set checkpoint_timeout=30s --on all=$a -o "$tmp/over.json"
expect_exit 11
expect_stdout "UNSTEADY  mastodon" "overload"
jq -e '.transactions[0].response_ns.p99 == null and .run.achieved_per_s < .run.offered_per_s' \
	"$tmp/over.json" >/dev/null || fail "overload: $(jq -c '[.run.achieved_per_s, .transactions[0]]' "$tmp/over.json")"

bad() { # TEXT KEY=VALUE...
	_text=$1
	shift
	run run mastodon --on all=null: "$@"
	expect_exit 2
	expect_stderr_lines 1
	expect_stderr "$_text"
}
bad "users" --set users=60000
bad "delete_at" --set delete_files=9
bad 'did you mean "users"' --set user=5000

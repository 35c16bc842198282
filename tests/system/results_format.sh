#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# docs/results-format.md lists what a run's document has: every key it calls present is
# there, and no key is there that it does not list.
. "$(dirname "$0")/lib.sh"
requires jq awk
doc=$HCB_SRC/docs/results-format.md

# Rows "| `PATH` | TYPE | WHEN | ..." -> "PATH WHEN", types in italics expanded in place.
# WHEN is "must" when the condition, and that of everything above, is in $1.
documented() { # "COND COND..."
	awk -v conds="$1" '
		BEGIN { n = split(conds, c, " "); for (i = 1; i <= n; i++) ok[c[i]] = 1 }
		/^\| `/ {
			split($0, f, / *\| */)
			path = f[2]; type = f[3]; when = f[4]
			gsub(/`/, "", path)
			rows++; p[rows] = path; t[rows] = type; w[rows] = when in ok ? "must" : "may"
		}
		function emit(path, type, when, i, base, sub_path) {
			if (!(path in seen)) print path, when
			seen[path] = 1
			if (type !~ /^\*.*\*$/) return
			base = substr(type, 2, length(type) - 2) "."
			for (i = 1; i <= rows; i++) {
				if (index(p[i], base) != 1) continue
				sub_path = substr(p[i], length(base) + 1)
				emit(path "." sub_path, t[i], when == "must" ? w[i] : "may")
			}
		}
		END {
			for (i = 1; i <= rows; i++)
				if (p[i] !~ /^(transaction|stream|latency|histogram|disk|part|evidence)\./)
					emit(p[i], t[i], w[i])
		}' "$doc" | sort
}

# Every path of a document, array indices as [].
present() {
	jq -r '[paths | map(if type == "number" then "[]" else "." + . end) | join("")
		| ltrimstr(".")] | unique[]' "$1" | sort -u
}

compare() { # DOCUMENT "CONDITIONS" [LEAST]: what may be there and what must
	present "$1" >"$tmp/present"
	documented "$2" >"$tmp/doc"
	# "a[].b" tells of "a[]" too.
	awk '{ print $1; while (sub(/\.[^.]*$/, "", $1)) if ($1 ~ /\[\]$/) print $1 }' "$tmp/doc" |
		sort -u >"$tmp/known"
	grep ' must$' "$tmp/doc" | cut -d' ' -f1 | sort -u >"$tmp/must"
	[ "$(wc -l <"$tmp/must")" -gt "${3:-100}" ] || fail "read only $(wc -l <"$tmp/must") keys from $doc"
	missing=$(comm -23 "$tmp/must" "$tmp/present")
	[ -z "$missing" ] || fail "documented but not in the document: $missing"
	# The workload's parameters are docs/workloads.md's, a probe's facts its target's.
	unknown=$(comm -13 "$tmp/known" "$tmp/present" | grep -v -e '^run\.params\.' -e '^target_facts\.') || :
	[ -z "$unknown" ] || fail "in the document but not documented: $unknown"
}

run run postgres --on all=hdd:generic-7200,filled=60% --set checkpoint_timeout=30s -o "$tmp/hdd.json"
expect_exit 0
compare "$tmp/hdd.json" "always postgres phases hdd lateness"

# Members stand in the order of the tables' first.
jq -r 'keys_unsorted[]' "$tmp/hdd.json" >"$tmp/order"
# shellcheck disable=SC2016 # the backquotes are markdown's
sed -n '/^## Top level/,/^## run/s/^| `\([a-z]*\)`.*/\1/p' "$doc" >"$tmp/table"
cmp -s "$tmp/order" "$tmp/table" || fail "the top level's order is not the table's: $(tr '\n' ' ' <"$tmp/order")"

run run micro --on all=hdd:generic-7200 --set size=1MiB --set flush=2 --duration 9s -q -o "$tmp/micro.json"
expect_exit 0
compare "$tmp/micro.json" "always micro hdd lateness"

run run mastodon --on all=hdd:generic-7200 --set users=100 --set database=64MiB --set checkpoint_timeout=30s \
	-q -o "$tmp/mastodon.json"
expect_exit 0
compare "$tmp/mastodon.json" "always postgres mastodon phases hdd lateness"

# What --verify finds on a target that loses what it said was durable.
run run micro --on all=mem:,volatile=on,cut=2s,lie=on --set size=1MiB --set rate=500/s --set flush=2 \
	--duration 4s --verify -q -o "$tmp/verify.json"
expect_exit 1
compare "$tmp/verify.json" "always micro lateness verify lost"

# Each parameter is told of, by its name without the unit.
for key in $(jq -r '.run.params | keys[]' "$tmp/hdd.json" "$tmp/mastodon.json" "$tmp/micro.json" | sort -u); do
	case $key in
	*_bytes) key=${key%_bytes} ;;
	*_ns) key=${key%_ns} ;;
	rate_per_s) key=rate ;;
	esac
	grep -q "^| \`$key\` |" "$HCB_SRC/docs/workloads.md" || fail "docs/workloads.md has no row for $key"
done

# The real clock adds what it ran on. Whether the machine is quiet enough is not asked.
run run postgres --on all=mem: --clock real --set scale=1 --set wal_segments=5 \
	--set checkpoint_timeout=1s --set rate=50/s --verify -q -o "$tmp/mem.json"
case $status in 0 | 11 | 13) ;; *) fail "exit code $status" ;; esac
compare "$tmp/mem.json" "always postgres phases real verify costs"

# A night's check: tables of its own. A night that is slower, judged and explained.
export HCBENCH_HISTORY="$tmp/history" TZ=UTC
jq '.intervals = [] | del(.blocks[].transactions[].histogram, .blocks[].streams)' "$tmp/hdd.json" >"$tmp/small.json"
files=
for i in $(seq 1 40); do
	f=1
	[ "$i" -lt 32 ] || f=1.6
	jq --arg i "$i" --arg f $f --arg k 6.8.4 --arg c test -f "$HCB_SRC/tests/system/night.jq" "$tmp/small.json" |
		jq '.blocks = [range(5) as $i | .blocks[0]]' >"$tmp/n$i.json"
	files="$files $tmp/n$i.json"
done
if ! "$HCBENCH" history --help | grep -q 'not available'; then
	# shellcheck disable=SC2086 # words
	run history add $files --name db
	expect_exit 0
	run check --json --night 2026-06-08
	expect_exit 10
	cp "$out" "$tmp/check.json"
	compare "$tmp/check.json" "check judged episode" 60
	run check explain db.commit.p99 --json
	cp "$out" "$tmp/check.json"
	compare "$tmp/check.json" "check judged episode explain" 60
	printf '[scenario]\nduration = 8s\n[workload w]\ntype = micro\nsize = 1MiB\non = all: hdd:generic-7200\n' >"$tmp/w.ini"
	run check --run "$tmp/w.ini" --history "$tmp/measured" --json -q
	expect_exit 12
	cp "$out" "$tmp/check.json"
	compare "$tmp/check.json" "check night" 60
fi

# What surrounds a night, of a machine without a cluster.
run probe --controls --dir none -q -o "$tmp/controls.json"
expect_exit 0
compare "$tmp/controls.json" controls 7 # the others are as in a run

# A probe's document has tables of its own, and its top level an order of its own.
run probe hdd:generic-7200 -o "$tmp/probe.json"
expect_exit 0
compare "$tmp/probe.json" probe 80
jq -r 'keys_unsorted[]' "$tmp/probe.json" | tail -n +5 | grep -vx -e validity -e facts >"$tmp/order"
# shellcheck disable=SC2016 # the backquotes are markdown's
sed -n '/^## A probe/,/^## A check/s/^| `\([a-z_]*\)` | \(object\|array\) .*/\1/p' "$doc" >"$tmp/table"
cmp -s "$tmp/order" "$tmp/table" || fail "the order of a probe's members is not the table's: $(tr '\n' ' ' <"$tmp/order")"

# A search's likewise, with trials of either outcome and of both objectives.
run search micro --on all=hdd:generic-7200 --slo io.p50=20ms --slo io.p95=40ms --load rate \
	--from 20/s --to 200/s --set kind=read --set size=1GiB --duration 20s -q -o "$tmp/search.json"
case $status in 0 | 11) ;; *) fail "exit code $status" ;; esac
compare "$tmp/search.json" "search missed" 60
jq -r 'keys_unsorted[]' "$tmp/search.json" | tail -n +5 | grep -vx -e targets -e facts >"$tmp/order"
# shellcheck disable=SC2016 # the backquotes are markdown's
sed -n '/^## A search/,/^## A sizing/s/^| `\([a-z_]*\)` | \(object\|array\|string\) .*/\1/p' "$doc" |
	grep -vx -e targets -e facts >"$tmp/table"
cmp -s "$tmp/order" "$tmp/table" || fail "the order of a search's members is not the table's: $(tr '\n' ' ' <"$tmp/order")"

# A sizing's likewise: a short one of models, and what --check tells of labs.
{
	printf '[size]\ndemand = 30/s\nload = db.rate\nslo = db.io.p50=1s\nfrom = 20/s\nto = 22/s\nduration = 20s\n'
	printf '[workload db]\ntype = micro\nkind = read\nsize = 64MiB\n'
	printf '[workload bulk]\ntype = micro\nrate = 1/s\nsize = 64MiB\n'
	printf '[layout shared]\nkind = shared\non = db.all: hdd:generic-7200@a\non = bulk.all: hdd:generic-7200@a\n'
} >"$tmp/models.ini"
run size "$tmp/models.ini" -q -o "$tmp/size.json"
case $status in 0 | 11) ;; *) fail "exit code $status" ;; esac
compare "$tmp/size.json" size 60
jq -r 'keys_unsorted[]' "$tmp/size.json" | tail -n +5 >"$tmp/order"
# shellcheck disable=SC2016 # the backquotes are markdown's
sed -n '/^## A sizing/,/^## A comparison/s/^| `\([a-z_]*\)` | \(object\|array\|real\) .*/\1/p' "$doc" >"$tmp/table"
cmp -s "$tmp/order" "$tmp/table" || fail "the order of a sizing's members is not the table's: $(tr '\n' ' ' <"$tmp/order")"

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Kept results: what is not the same thing is named and refused, a slower disk is found, a
# thing is not different from itself, and one run a side is no verdict.
. "$(dirname "$0")/lib.sh"
requires jq

disk=hdd:generic-7200,filled=60%
result() { # NAME TARGET SEED...
	_name=$1 _target=$2
	shift 2
	for _s in "$@"; do
		run run micro --on "all=$_target" --set kind=write --set flush=1 --duration 20s --seed "$_s" \
			-q -o "$tmp/$_name$_s.json"
		expect_exit 0
	done
}
result a "$disk" 1 2 3 4
result slow "$disk,slow=1.5" 5 6 7 8
result off "$disk,cache=off" 9
cd "$tmp" || exit 1

# What is not the same: class, key and both values, and nothing is compared.
run compare a1.json off9.json
expect_exit 13
expect_stdout "REFUSED" "cache" "targets[0].facts.cache" '"on" -> "off"' "--despite cache compares"
run compare a1.json off9.json --json
jq -e '.kind == "compare" and .compare.refused and .transactions == [] and
	all(.differences[]; .class == "cache")' "$out" >/dev/null || fail "$(jq -c . "$out")"
run compare a1.json,a2.json,a3.json,a4.json slow5.json,slow6.json,slow7.json,slow8.json
expect_exit 13
expect_stdout "environment" "targets[0].facts.slow"

# Told so, it compares: a disk of two thirds the speed takes 1.5 times as long.
run compare a1.json,a2.json,a3.json,a4.json slow5.json,slow6.json,slow7.json,slow8.json --despite environment \
	-o c.json
expect_stdout "SLOWER" "what differs" "95 % interval"
jq -e '.transactions[] | select(.name == "durable") | .metrics[] | select(.name == "response mean") |
	.verdict == "SLOWER" and .ratio_lo < 1.5 and 1.45 < .ratio and .ratio < 1.55 and .ratio_hi > 1.45' c.json >/dev/null ||
	fail "$(jq -c .transactions c.json)"
run report text c.json
expect_exit 0
expect_stdout "old against new"

# A against A finds nothing; seeds are no difference.
run compare a1.json,a2.json a3.json,a4.json --json
jq -e '.differences == [] and all(.transactions[].metrics[]; .verdict != "SLOWER" and .verdict != "FASTER")' "$out" \
	>/dev/null || fail "$(jq -c .transactions "$out")"

# Two machines that are alike are two; where one does not say which it is, nothing is known.
for host in null '"aaaa"' '"bbbb"'; do
	jq ".facts.machine = {cpu: \"x\", host: $host}" a1.json >"host-$(echo "$host" | tr -d '"').json"
done
jq '.facts.machine = {cpu: "x"}' a1.json >host-none.json
run compare host-aaaa.json host-bbbb.json
expect_exit 13
expect_stdout "environment" "facts.machine.host"
for other in null none; do
	run compare host-aaaa.json host-$other.json --json
	jq -e '.differences == []' "$out" >/dev/null || fail "$(jq -c .differences "$out")"
done

# One run a side.
run compare a1.json a2.json
expect_exit 11
expect_stdout "no verdict" "response mean"
if grep -q "FASTER\|SLOWER\|EQUIVALENT\|\[" "$out"; then fail "a verdict from one run a side"; fi

# An INVALID result counts for nothing unless told.
jq '.validity.verdict = "INVALID"' a1.json >bad.json
run compare bad.json a2.json
expect_exit 13
expect_stdout "validity.verdict" "bad.json"

for args in "" "a1.json" "a1.json none.json" "a1.json a2.json a3.json" "a1.json c.json" ", a1.json" \
	"a1.json a2.json --despite weather"; do
	# shellcheck disable=SC2086 # words
	run compare $args
	expect_exit 2
	expect_stderr_lines 1
done

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The main job on the model disk: valid, the same bytes for the same seed, others for
# another, whatever compiler built it.
. "$(dirname "$0")/lib.sh"
requires jq

disk=all=hdd:generic-7200,filled=60%
run run postgres --on "$disk" --seed 7 -o "$tmp/a.json"
expect_exit 0
expect_stdout "VALID  postgres" "closed loop" "checkpoint sync" "commit-flush" "again: hcbench run"
run run postgres --on "$disk" --seed 7 --output="$tmp/b.json"
expect_exit 0
cmp -s "$tmp/a.json" "$tmp/b.json" || fail "two runs of seed 7 differ"
run run postgres --on "$disk" --seed 8 -o "$tmp/c.json"
cmp -s "$tmp/a.json" "$tmp/c.json" && fail "seeds 7 and 8 gave the same bytes"

jq -e '.schema == 1 and .kind == "run" and .partial == false
	and .run.clock == "virtual" and .run.started == null and .run.wall_s == null
	and (.blocks | length) == 2
	and ([.blocks[].transactions[0].count] | add) == .transactions[0].count
	and ([.transactions[0].histogram.counts[][1]] | add) == .transactions[0].count' \
	"$tmp/a.json" >/dev/null || fail "the document contradicts itself"

# The canonical command repeats the run, byte for byte.
cmd=$(jq -r .run.command "$tmp/a.json")
# shellcheck disable=SC2086 # a command is words
"$HCBENCH" ${cmd#hcbench } -o "$tmp/d.json" >/dev/null || fail "\"$cmd\" failed"
cmp -s "$tmp/a.json" "$tmp/d.json" || fail "\"$cmd\" gave another result"

# What is kept prints the same.
# shellcheck disable=SC2086
"$HCBENCH" ${cmd#hcbench } >"$tmp/text1" 2>/dev/null
"$HCBENCH" report text "$tmp/a.json" >"$tmp/text2"
cmp -s "$tmp/text1" "$tmp/text2" || fail "report text differs from what the run printed"

# Two disks in one run behave as each alone: the log's own disk gives the same commits
# whether data lies on a disk or on nothing at all, as long as nobody waits for data.
for data in "hdd:generic-7200" "null:"; do
	run run postgres --on wal=hdd:generic-7200@w --on "data=$data" --set rate=20/s \
		--set checkpoint_timeout=30s --set files=1 -o "$tmp/two.json"
	expect_exit 0
	jq -c '.streams[] | select(.name == "commit-flush") | .count' "$tmp/two.json" >>"$tmp/two"
done
[ "$(sort -u "$tmp/two" | wc -l)" -eq 1 ] || fail "the data disk changed the log disk: $(cat "$tmp/two")"

if command -v clang >/dev/null && [ -z "${HCB_NO_SECOND_COMPILER:-}" ]; then
	make -s -j2 -C "$HCB_SRC" CC=clang VARIANT=clang build/clang/hcbench >"$tmp/make" 2>&1 ||
		fail "clang does not build it: $(tail -3 "$tmp/make")"
	"$HCB_SRC/build/clang/hcbench" run postgres --on "$disk" --seed 7 -o "$tmp/e.json" >/dev/null
	cmp -s "$tmp/a.json" "$tmp/e.json" || fail "gcc and clang give different bytes"
fi

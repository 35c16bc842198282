#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# "disk calibrate" and "disk fit" as a user meets them: jobs for fio, a fit, a new profile.
. "$(dirname "$0")/lib.sh"
requires jq

run disk calibrate generic-7200 --json
expect_exit 0
[ "$(jq '[.targets[] | select(.verdict == "missed")] | length' "$out")" = 0 ] || fail "a target is missed"
jq -e '.targets | length > 25 and all(.verdict == null or (.source | length) > 0)' "$out" >/dev/null ||
	fail "a verdict without a source"
# The same disk with another figure misses it, and says so.
sed 's|^read_depth_1 = 78/s|read_depth_1 = 100/s|' "$HCB_SRC/lab/disks/generic-7200.ini" >"$tmp/other.ini"
run disk calibrate "$tmp/other.ini"
expect_exit 1
expect_stdout missed

# Jobs: those that write say so.
run disk fit --jobs read --device /dev/sdz
expect_exit 0
expect_stdout 'filename=/dev/sdz' '[read_depth_32]' 'iodepth=32' 'harms nothing'
grep -q write "$out" && fail "a job that reads only speaks of writing"
run disk fit --jobs write --device /dev/sdz --scale 0.5
expect_exit 0
expect_stdout 'DESTROYS EVERYTHING' 'fsync=64'
run disk fit --jobs read
expect_exit 2
run disk fit --jobs rubbish --device /dev/sdz
expect_exit 2
if command -v fio >/dev/null; then
	for jobs in read write uncached; do
		run disk fit --jobs "$jobs" --device "$tmp/file"
		cp "$out" "$tmp/$jobs.fio"
		fio --parse-only "$tmp/$jobs.fio" >"$out" 2>"$err" || fail "fio does not take the $jobs jobs"
	done
fi

# A drive of which fio says what generic-7200 does not do.
cat >"$tmp/fio.json" <<'END'
fio: a warning, as fio prints it before the document
{"fio version": "fio-3.33", "jobs": [
 {"jobname": "mine", "error": 0},
 {"jobname": "read_depth_1", "error": 0, "read": {"iops": 71.5,
  "clat_ns": {"percentile": {"1.000000": 4500000, "50.000000": 14100000, "99.000000": 25500000, "99.900000": 90000000}}}},
 {"jobname": "read_depth_32", "error": 0, "read": {"iops": 120}}]}
END
run disk fit generic-7200 "$tmp/fio.json" -o "$tmp/mine.ini" --json
expect_exit 0
jq -e '.demerit.before > 0.2 and .demerit.after < 0.03' "$out" >/dev/null || fail "the fit is no better"
run disk calibrate "$tmp/mine.ini"
expect_exit 0
expect_stdout "measured: fio $tmp/fio.json" '71.5'
grep -q '^write_settle = 1.0ms *; 7K1000.C manual' "$tmp/mine.ini" || fail "what was not fitted lost its source"
run disk fit generic-7200 "$tmp/fio.json" -o "$tmp/mine.ini"
expect_exit 14
run disk fit generic-7200 "$tmp/fio.json"
expect_exit 0
grep -q '^\[seek\] track_to_track  *1.00 ms  *[0-9.]* ms$' "$out" || fail "times without their unit"
run disk fit generic-7200 "$tmp/other.ini"
expect_exit 1
expect_stderr 'not JSON'
run disk fit sata-ssd
expect_exit 2
run disk fit
expect_exit 2

# Columns for plots: the seek curve rises, the media rate falls.
for what in depth filled flush response seek zones; do
	run disk data generic-7200 "$what"
	expect_exit 0
	[ "$(grep -c '^# ' "$out")" = 1 ] || fail "data $what has no names"
	[ "$(wc -l <"$out")" -gt 6 ] || fail "data $what has no numbers"
done
run disk data generic-7200 seek
awk '!/^#/ { if ($2 < last) exit 1; last = $2 }' "$out" || fail "the seek curve falls"
run disk data generic-7200 zones
awk '!/^#/ { if (last && $2 > last) exit 1; last = $2 }' "$out" || fail "the disk is faster inside"
run disk data sata-ssd seek
expect_exit 2
run disk data generic-7200 sek
expect_exit 2
expect_stderr 'did you mean "seek"'

# Demerit: none from a run to itself, little to another spindle, much to another disk.
for seed in 3 4; do
	run run micro --on "all=hdd:generic-7200,filled=60%,seed=$seed" --set kind=read --duration 60s -q -o "$tmp/$seed.json"
	expect_exit 0
done
run run micro --on "all=hdd:nearline-5400,filled=60%,seed=3" --set kind=read --duration 60s -q -o "$tmp/slow.json"
run disk demerit "$tmp/3.json" "$tmp/3.json" --json
expect_exit 0
jq -e '.[0].demerit == 0 and .[0].name == "io"' "$out" >/dev/null || fail "not the same as itself"
run disk demerit "$tmp/3.json" "$tmp/4.json" --most 5%
expect_exit 0
run disk demerit "$tmp/3.json" "$tmp/slow.json" --most 5%
expect_exit 1
run disk demerit "$tmp/3.json" "$tmp/fio.json"
expect_exit 1
run disk demerit "$tmp/3.json"
expect_exit 2

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# claim: what it shows, refuses and writes; and that a run needs it. On loop devices and
# files of the test's own.
. "$(dirname "$0")/lib.sh"
requires_root
requires losetup jq truncate
truncate -s 64M "$tmp/disk"
dev=$(losetup -f --show "$tmp/disk" 2>/dev/null) || skip "no loop device can be set up"
at_exit "umount '$tmp/mnt' 2>/dev/null; losetup -d '$dev'"
sum() { md5sum <"$tmp/disk"; }
refused() { # TEXT ARGS...
	text=$1
	shift
	before=$(sum)
	run claim "$@"
	expect_exit 14
	expect_stderr_lines 1
	expect_stderr "$text"
	[ "$(sum)" = "$before" ] || fail "a refused claim wrote to the disk"
}

# Not by a run, not without the name typed, not with another's.
run run postgres --on "all=uring:$dev" --set scale=1 --set wal_segments=5 --duration 1s
case $(cat "$err") in
*"built without"*) ;;
*)
	expect_exit 14
	expect_stderr "was not claimed for hcbench"
	;;
esac
refused "needs --confirm=$tmp/disk" "$dev"
expect_stdout "$dev" "lies on  $tmp/disk" "(67108864 bytes)" "first and last 4 MiB are zeros"
refused "does not name it" "$dev" --confirm=/dev/loop
refused "does not name it" "$dev" --confirm=
run claim "$dev" --confirm "$tmp/disk" --no-such-option
expect_exit 2

# What lies there is not overwritten.
printf x | dd of="$dev" bs=1 seek=3000000 conv=notrunc 2>/dev/null
refused "holds data" "$dev" --confirm="$dev"
expect_stdout "data of no kind that is known"
dd if=/dev/zero of="$dev" bs=1M count=4 conv=notrunc 2>/dev/null
if command -v mkfs.ext4 >/dev/null; then
	mkfs.ext4 -q -F "$dev" >/dev/null 2>&1
	refused "signature: ext4" "$dev" --confirm="$dev"
	mkdir "$tmp/mnt"
	if mount "$dev" "$tmp/mnt" 2>/dev/null; then
		run claim "$dev" --confirm="$dev"
		expect_exit 14
		expect_stderr "is mounted on $tmp/mnt"
		umount "$tmp/mnt"
	fi
	dd if=/dev/zero of="$dev" bs=1M conv=notrunc 2>/dev/null
fi

# Claimed: the last 4 KiB change and nothing else; a second time nothing does.
cp "$tmp/disk" "$tmp/before"
run claim "$dev" --confirm="$tmp/disk" --json
expect_exit 0
jq -e '.claimed and .blank and .size_bytes == 67108864 and (.mark.uuid | length) == 36' \
	"$out" >/dev/null || fail "the JSON does not tell"
sync "$dev"
cmp -n $((67108864 - 4096)) "$tmp/before" "$tmp/disk" || fail "more than the mark was written"
tail -c 4096 "$tmp/disk" | head -c 12 | grep -q "hcbench mark" || fail "no mark was written"
before=$(sum)
run claim "$dev" --confirm="$dev"
expect_exit 0
expect_stderr "was claimed before"
expect_stdout "the mark of hcbench, written 20"
[ "$(sum)" = "$before" ] || fail "claiming twice changed the mark"

# A file: the same, by its path.
truncate -s 1M "$tmp/f"
run claim "$tmp/f" --confirm="$tmp/g"
expect_exit 14
expect_stderr "does not name it"
run claim "$tmp/f" --confirm="$tmp/f"
expect_exit 0
tail -c 4096 "$tmp/f" | head -c 12 | grep -q "hcbench mark" || fail "the file has no mark"
run claim "$tmp/none"
expect_exit 1
expect_stderr "$tmp/none: No such file or directory"
run claim
expect_exit 2

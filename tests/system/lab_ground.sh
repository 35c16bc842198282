#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# "lab down" and "lab up" in a folder that is not theirs, under a name that somebody else
# uses: refused, and nothing of it is touched.
. "$(dirname "$0")/lib.sh"

HCBENCH_LAB_DIR=$tmp/home
export HCBENCH_LAB_DIR
mkdir -m 755 "$tmp/home" "$tmp/home/alice" "$tmp/home/bob"
echo "my thesis" >"$tmp/home/alice/thesis"
echo "1234" >"$tmp/home/carol.lock"
ln -s alice "$tmp/home/dave"
listing() {
	(cd "$tmp/home" && find . -printf '%p %y %m %s %T@\n' | sort)
}
before=$(listing)

refused() { # NAME COMMAND...
	name=$1
	shift
	run "$@"
	expect_exit 14
	expect_stderr_lines 1
	expect_stderr "$tmp/home/$name" "not touched"
}
refused alice lab down alice
refused bob lab down bob # empty, but not as a lab makes it
refused dave lab down dave
refused carol.lock lab down carol
cp "$HCB_SRC/lab/clusters/seed-direct.ini" "$tmp/alice.ini"
refused alice lab up "$tmp/alice.ini" --cold
[ "$(listing)" = "$before" ] || fail "it was touched: $(listing)"

# What a lab killed in its first step leaves: an empty folder of its own, and a lock.
mkdir -m 700 "$tmp/home/lab1"
echo "999999999 up" >"$tmp/home/lab1.lock"
if [ "$(id -u)" -eq 0 ]; then
	run lab down lab1
	expect_exit 0
	[ ! -e "$tmp/home/lab1" ] || fail "the folder is still there"
	[ ! -e "$tmp/home/lab1.lock" ] || fail "the lock is still there"
	[ "$(listing | grep -v '^\. ')" = "$(echo "$before" | grep -v '^\. ')" ] ||
		fail "it was touched: $(listing)"
fi

# Nothing there: nothing is made.
HCBENCH_LAB_DIR=$tmp/none/at/all
run lab down alice
expect_exit 0
expect_stderr "there is none"
[ ! -e "$tmp/none" ] || fail "lab down made a folder"

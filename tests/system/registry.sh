#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What the program lists is what the folders hold: nothing is lost between them.
. "$(dirname "$0")/lib.sh"

run list
expect_exit 0
n=0
for f in "$HCB_SRC"/engines/*.c; do
	grep -q '^const struct hcb_engine hcb_engine_' "$f" || continue
	n=$((n + 1))
	expect_stdout " $(basename "$f" .c):"
done
[ "$n" -gt 0 ] || fail "no engine found in the source tree"
run --help
n=0
for f in "$HCB_SRC"/bench/cmd/*.c; do
	grep -q '^const struct hcb_verb hcb_verb_' "$f" || continue
	n=$((n + 1))
	expect_stdout "  $(basename "$f" .c) "
done
[ "$n" -gt 0 ] || fail "no verb found in the source tree"

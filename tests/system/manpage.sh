#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# docs/hcbench.1 tells of every verb and every long option that bench/cmd takes, and of no
# option that it does not take.
. "$(dirname "$0")/lib.sh"
requires awk
page=$HCB_SRC/docs/hcbench.1

if command -v mandoc >/dev/null; then
	mandoc -Tlint -W warning "$page" >"$out" 2>"$err" || fail "mandoc -Tlint finds fault with $page"
elif command -v groff >/dev/null; then
	groff -mdoc -ww -Tascii -z "$page" >"$out" 2>"$err" || fail "groff cannot read $page"
	[ ! -s "$err" ] || fail "groff warns about $page"
fi

grep -o '^\.Ss [a-z]*$' "$page" | cut -d' ' -f2 | sort -u >"$tmp/sections"
sed -n 's/.*X(\([a-z]*\)).*/&/p' "$HCB_SRC/bench/cmd/registry.h" | grep -o 'X([a-z]*)' |
	tr -d 'X()' | sort -u >"$tmp/verbs"
[ -s "$tmp/verbs" ] || fail "no verb in bench/cmd/registry.h"
missing=$(comm -13 "$tmp/sections" "$tmp/verbs")
[ -z "$missing" ] || fail "verbs without a section \".Ss VERB\": $missing"

# Options as getopt has them, as option tables have them, as usage texts and code say them.
{
	sed -n 's/^[[:space:]]*{"\([a-z][a-z-]*\)", \(required\|no\)_argument.*/\1/p' "$HCB_SRC"/bench/cmd/*.c
	awk '/\.name = "/ { split($0, q, "\""); name = q[2] }
		/\.type = HCB_OPT/ { if (name != "") print name; name = "" }' "$HCB_SRC"/bench/cmd/*.c
	# in string literals outside comments; --direct-io is losetup's
	sed '/^[[:space:]]*\/\*.*\*\//d' "$HCB_SRC"/bench/cmd/*.c | grep -o '"[^"]*"' |
		grep -o -- '--[a-z][a-z-]*' |
		sed 's/^--//' | grep -vx direct-io
} | sort -u >"$tmp/options"
[ "$(wc -l <"$tmp/options")" -gt 25 ] || fail "found only $(wc -l <"$tmp/options") options in bench/cmd"
grep -o 'Fl -[a-z][a-z-]*' "$page" | sed 's/^Fl -//' | sort -u >"$tmp/told"
missing=$(comm -23 "$tmp/options" "$tmp/told")
[ -z "$missing" ] || fail "options the page does not tell of: $missing"
unknown=$(comm -13 "$tmp/options" "$tmp/told")
[ -z "$unknown" ] || fail "options that hcbench does not take: $unknown"

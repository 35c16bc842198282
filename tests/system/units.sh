#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What systemd makes of a night's exit code, and what the one who is called gets to read.
. "$(dirname "$0")/lib.sh"
unit=$HCB_SRC/ci/systemd/hcbench-nightly.service

value() { # KEY: of the unit, continued lines joined
	sed -e ':a' -e '/\\$/{N;s/\\\n//;ba' -e '}' "$unit" | sed -n "s/^$1=//p"
}

# Storage that is worse calls somebody, whatever else has moved (11) too; a night that says
# nothing (12, 13) does not.
codes=" $(value SuccessExitStatus) "
for code in 1 2 10 11 14; do
	case $codes in *" $code "*) fail "exit code $code is a success to systemd" ;; esac
done
for code in 12 13; do
	case $codes in *" $code "*) ;; *) fail "exit code $code is a failure to systemd" ;; esac
done
value OnFailure | grep -qx 'hcbench-nightly-report@%n.service' || fail "nobody is called: $(value OnFailure)"

# A night that ended before check had anything to say does not send what the last one said.
mkdir "$tmp/run" "$tmp/bin"
here() { # of what a unit runs: for sh, and in here
	sed -e "s|/run/hcbench|$tmp/run|g" -e 's/\$\$/$/g' -e 's/%i/hcbench-nightly.service/'
}
printf '#!/bin/sh\necho "how it ended: $*"\n' >"$tmp/bin/systemctl"
printf '#!/bin/sh\ncat >"%s/mailed"\n' "$tmp" >"$tmp/bin/mail"
chmod +x "$tmp/bin/systemctl" "$tmp/bin/mail"
report() {
	rm -f "$tmp/mailed"
	sed -n 's/^ExecStart=//p' "$HCB_SRC/ci/systemd/hcbench-nightly-report@.service" | here >"$tmp/report"
	PATH=$tmp/bin:$PATH sh "$tmp/report" 2>/dev/null
	grep -q 'how it ended: .*hcbench-nightly.service' "$tmp/mailed" || fail "mailed: $(cat "$tmp/mailed")"
}
echo "OK: yesterday" >"$tmp/run/check.txt"
value ExecStartPre | here >"$tmp/pre"
sh "$tmp/pre" || fail "$(cat "$tmp/pre")"
report
! grep -q yesterday "$tmp/mailed" || fail "yesterday's report is mailed: $(cat "$tmp/mailed")"
echo "REGRESSION: tonight" >"$tmp/run/check.txt"
report
head -n 1 "$tmp/mailed" | grep -q tonight || fail "mailed: $(cat "$tmp/mailed")"

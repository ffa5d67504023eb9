# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# reliability.sh DOCUMENT: every test that the tables of docs/reliability.md name is there, and R01 to R46 have a line each.
document=$1
failed=0
named=0
complain() {
    echo "$document: $1"
    failed=$((failed + 1))
}
for number in $(seq -w 1 46); do
    [ "$(grep -c "^| R$number |" "$document")" = 1 ] || complain "R$number has no line, or several"
done
grep '^| R[0-9][0-9] |' "$document" | grep -o '`[^`]*`' | tr -d '`' | sort -u > "${TMPDIR:-/tmp}/reliability.$$"
while IFS= read -r name; do
    named=$((named + 1))
    case $name in
    "scenario: "*) grep -qF "{\"${name#scenario: }\"," tests/explore/scenarios.c || complain "no such scenario: $name" ;;
    "planted: "*) grep -qF "{\"${name#planted: }\"," tests/explore/planted.c || complain "no such planted bug: $name" ;;
    "make: "*) grep -q "^${name#make: }:\|^${name#make: } .*:\|^.* ${name#make: }:" Makefile || complain "no such target: $name" ;;
    */*) grep -qrF "Test(${name%%/*}, ${name#*/})" tests || complain "no such test: $name" ;;
    *) complain "what is this: $name" ;;
    esac
done < "${TMPDIR:-/tmp}/reliability.$$"
rm -f "${TMPDIR:-/tmp}/reliability.$$"
if grep -rn '_\(load\|store\)_seq_cst_' src; then complain "R14: a fence or a read-modify-write orders, a load or store does not"; fi
echo "$document: $named tests named, $failed problems"
[ $failed = 0 ]

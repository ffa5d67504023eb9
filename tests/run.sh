# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# run.sh PROGRAM...: runs each test program, all of them even after a failure, and counts the programs that failed.
# PKN_TEST_COMMAND stands before each program (an emulator, say); PKN_TEST_ARGUMENTS behind it.
failed=0
if [ $# = 0 ]; then
    echo "no tests found" >&2
    exit 1
fi
for program; do
    echo "== $program"
    $PKN_TEST_COMMAND "$program" $PKN_TEST_ARGUMENTS || { failed=$((failed + 1)); echo "== $program failed"; }
done
[ $failed = 0 ] && exit 0
echo "$failed of $# test programs failed" >&2
exit 1

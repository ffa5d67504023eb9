# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# check_examples.sh: every example names in its first 15 lines the one command that builds it from the repository's
# root ("cc ... examples/NAME.c ... -o build/examples/NAME ..."); runs that command.
failed=0
mkdir -p build/examples
for example in examples/*.c; do
    [ -f "$example" ] || continue
    command=$(sed -n '1,15s/^[ /*]*\(cc .*\)$/\1/p' "$example" | head -1 | sed 's/ *\*\/ *$//')
    if [ -z "$command" ]; then
        echo "$example:1: no line with the command that builds it" >&2
        failed=1
    elif sh -c "$command"; then
        echo "$command"
    else
        echo "$example: its own command fails: $command" >&2
        failed=1
    fi
done
exit $failed

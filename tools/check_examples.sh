# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# check_examples.sh: every example names in its first 15 lines the one command that builds it from the repository's
# root, "cc ...". Runs that command, without what && appends, where only the headers and the examples are, two at a time.
# The programs end up in build/examples.
scratch=build/examples/root
rm -rf "$scratch"
mkdir -p "$scratch/build/examples"
cp -r examples pkern.h pkern_pool.h pkern_simd.h "$scratch/" || exit 1
cd "$scratch" || exit 1

build='
command=$(sed -n "1,15s/^[ /*]*\(cc [^&]*\).*$/\1/p" "$0" | head -1 | sed "s/ *\*\/ *$//")
if [ -z "$command" ]; then
    echo "$0:1: no line with the command that builds it" >&2
    exit 1
fi
sh -c "$command" && mv "$(echo "$command" | sed "s/.* -o \([^ ]*\).*/\1/")" "../$(basename "$0" .c)" ||
    { echo "$0: its own command fails: $command" >&2; exit 1; }
echo "ok: $command"'
ls examples/*.c | xargs -P 2 -n 1 sh -c "$build" || exit 1

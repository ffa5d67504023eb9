# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# check_examples.sh: every example names in its first 15 lines the one command that builds it from the repository's
# root, "cc ...". Runs that command, without what && appends, where only the headers and the examples are.
failed=0
scratch=build/examples/root
rm -rf "$scratch"
mkdir -p "$scratch/build/examples"
cp -r examples pkern.h pkern_pool.h pkern_simd.h "$scratch/" || exit 1
for example in examples/*.c; do
    command=$(sed -n '1,15s/^[ /*]*\(cc [^&]*\).*$/\1/p' "$example" | head -1 | sed 's/ *\*\/ *$//')
    if [ -z "$command" ]; then
        echo "$example:1: no line with the command that builds it" >&2
        failed=1
    elif (cd "$scratch" && sh -c "$command"); then
        echo "ok: $command"
    else
        echo "$example: its own command fails: $command" >&2
        failed=1
    fi
done
exit $failed

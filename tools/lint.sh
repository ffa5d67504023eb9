# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# lint.sh: the project's own rules, then clang-tidy and cppcheck over the library as one unit, then the scripts' syntax.
failed=0
step() { # NAME COMMAND...
    name=$1
    shift
    if "$@" > build/lint/log 2>&1; then
        echo "lint: $name ok"
    else
        echo "lint: $name"
        grep -v -e '^[0-9]* warnings* generated' -e '^Suppressed' -e '^Use -header-filter' build/lint/log
        failed=1
    fi
}
mkdir -p build/lint
printf '#define PKERN_IMPLEMENTATION\n#include "pkern.in.h"\n' > build/lint/library.c

scripts() {
    for script in $(find tools tests bench .ci -name '*.sh' -o -path .ci/run); do sh -n "$script" || return 1; done
}

step rules sh tools/rules.sh .
step clang-tidy clang-tidy --quiet build/lint/library.c -- -std=c99 -D_GNU_SOURCE "-I$PWD/src"
step cppcheck cppcheck --quiet --std=c99 --enable=warning,performance,portability --error-exitcode=1 --inline-suppr \
    --max-configs=1 -D__GNUC__=12 -D__linux__=1 -D__x86_64__=1 -Isrc \
    --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches build/lint/library.c
step scripts scripts
[ $failed = 0 ]

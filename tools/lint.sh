# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# lint.sh: the project's own rules, then clang-tidy and cppcheck over the library as one unit, then the scripts' syntax.
# Both tools first have to find a planted fault in a header.
failed=0
mkdir -p build/lint/src
printf '#define PKERN_IMPLEMENTATION\n#include "pkern.in.h"\n' > build/lint/library.c
printf 'static int fault(void) {\n    int numbers[2] = {0, 0};\n    return numbers[2];\n}\n' > build/lint/src/fault.h
printf '#include "fault.h"\nint main(void) { return fault(); }\n' > build/lint/fault.c

step() { # NAME COMMAND...
    name=$1
    shift
    if "$@" > build/lint/log 2>&1; then
        echo "lint: $name ok"
    else
        echo "lint: $name FAILED"
        grep -v -e '^[0-9]* warnings* ' -e '^Suppressed' -e '^Use -header-filter' build/lint/log
        failed=1
    fi
}

tidy() { clang-tidy --quiet "$1" -- -std=c99 -D_GNU_SOURCE "-I$PWD/$2"; }
# Off: a descriptor of a call does point to the stack of that call, and out parameters do start unwritten.
check() {
    cppcheck --quiet --std=c99 --enable=warning,performance,portability --error-exitcode=1 --inline-suppr \
        --max-configs=1 -D__GNUC__=12 -D__linux__=1 -D__x86_64__=1 "-I$2" --suppress=missingIncludeSystem \
        --suppress=autoVariables --suppress=ctuuninitvar "$1"
}
tidy_finds_faults() { ! tidy build/lint/fault.c build/lint/src; }
check_finds_faults() { ! check build/lint/fault.c build/lint/src; }

scripts() {
    for script in $(find tools tests bench .ci -name '*.sh' -o -path .ci/run); do sh -n "$script" || return 1; done
}

step rules sh tools/rules.sh .
step 'clang-tidy finds a planted fault' tidy_finds_faults
step clang-tidy tidy build/lint/library.c src
step 'cppcheck finds a planted fault' check_finds_faults
step cppcheck check build/lint/library.c src
step scripts scripts
[ $failed = 0 ]

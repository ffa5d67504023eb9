# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# rules.sh ROOT: the project's own rules that neither compiler nor generator knows, printed as file:line: text.
#   1  raw atomics, fences, threads, system calls, clocks and allocations stand in src/base alone
#   2  every source file under src compiles by itself, as C99 and as C++11
#   3  no marks of unfinished work; SPDX lines at the top of every source and script
cd "$1" || exit 1
errors=$(mktemp)
trap 'rm -f "$errors" "$errors.c" "$errors.one"' EXIT

awk '
FNR == 1 { comment = 0 }
{
    code = ""
    rest = $0
    while (rest != "") {                    # comments out, line numbers kept
        if (comment) {
            end = index(rest, "*/")
            if (!end) break
            rest = substr(rest, end + 2)
            comment = 0
        } else {
            start = index(rest, "/*")
            if (!start) { code = code rest; break }
            code = code substr(rest, 1, start - 1) " "
            rest = substr(rest, start + 2)
            comment = 1
        }
    }
}
code ~ /__(atomic|sync)_|stdatomic\.h|(^|[^a-zA-Z0-9_.>])((c11_)?atomic_thread_fence|pthread_[a-z_]+|syscall|sched_yield|nanosleep|clock_gettime|malloc|calloc|realloc|aligned_alloc|posix_memalign|free) *\(/ {
    print FILENAME ":" FNR ": atomics, threads, system calls, clocks and memory are the business of src/base"
}' $(find src -name '*.[ch]' ! -path 'src/base/*' | sort) /dev/null >> "$errors"

mark='TO''DO|FIX''ME|XX''X'
grep -nE "(^|[^A-Za-z0-9])($mark)([^A-Za-z0-9]|\$)" $(find src tests bench examples tools packaging docs .ci Makefile README.md \
    -type f \( -name '*.[ch]' -o -name '*.sh' -o -name '*.md' -o -name 'Makefile' -o -name run -o -name '*.cmake*' \) 2> /dev/null) \
    /dev/null | sed -E 's/^([^:]*:[0-9]+:).*/\1 a mark of unfinished work/' >> "$errors"

for file in $(find src tests bench examples tools packaging .ci -type f \
    \( -name '*.[ch]' -o -name '*.cpp' -o -name '*.sh' -o -name run -o -name '*.cmake*' -o -name '*.rs' \) 2> /dev/null | sort); do
    head -4 "$file" | grep -q 'SPDX-License-Identifier: MIT' && head -4 "$file" | grep -q 'SPDX-FileCopyrightText' ||
        echo "$file:1: the SPDX lines are missing" >> "$errors"
done

# A static function may be declared in a header and defined in the .c piece, so only errors count here.
export CC CXX
find src -mindepth 2 -name '*.[ch]' | sort | xargs -P "$(nproc 2> /dev/null || echo 2)" -n 1 sh -c '
    for language in "${CC:-cc} -x c -std=c99 -Werror=implicit-function-declaration" "${CXX:-c++} -x c++ -std=c++11"; do
        text=$(printf "#include \"%s\"\ntypedef int alone;\n" "${0#src/}" | $language -Isrc -fsyntax-only - 2>&1) ||
            echo "$0 does not compile by itself: $language: $(echo "$text" | grep -m1 error:)"
    done' >> "$errors"

cat "$errors"
[ ! -s "$errors" ]

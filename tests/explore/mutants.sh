# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# mutants.sh BUILD [EXECUTIONS]: weakens each memory order that is more than relaxed, and drops each fence, one at a time, in the
# sources of the scheduler, and runs the scenarios on each. A mutant must fail, or be waived in mutants.txt with a reason. One binary
# holds them all: each place is a choice by number.
# The explorer runs stores in the order in which they take effect, so it can't show that a weaker release lets an earlier access of the
# thread take effect after the store. There the mutant does by itself what the weaker order allows: from number 101 on, the earlier access
# stands behind the store.
set -e
build=$1
executions=${2:-2000000}
here=$(dirname "$0")
mkdir -p "$build"
rm -rf "$build/mutants_in"
cp -r src "$build/mutants_in"
: > "$build/mutants.list"
reorder() { # FILE LINE WHICH BEFORE AFTER: BEFORE and AFTER stand around the WHICH-th line that is LINE
    awk -v line="$2" -v which="$3" -v before="$4" -v after="$5" '
    $0 == line && ++seen == which { print before; print; print after; done = 1; next }
    { print }
    END { exit !done }' "$build/mutants_in/$1" > "$build/mutants.new" || { echo "mutants.sh: $1 has no such line: $2"; exit 1; }
    cp "$build/mutants.new" "$build/mutants_in/$1"
}
reorder pool/wait.h '    pkn_atomic_fetch_add_relaxed_u32(&pool->sleepers, pkn_sleeper_unit(self));' 1 'if (explore_mutant != 101)' ''
reorder pool/wait.h '    pkn_atomic_store_release_u32(&self->parked, parked);' 1 '' \
    'if (explore_mutant == 101) pkn_atomic_fetch_add_relaxed_u32(&pool->sleepers, pkn_sleeper_unit(self));'
reorder pool/spawn_deque.h '    return peek || pkn_atomic_cas_acq_rel_size(&deque->top, &top, top + 1);' 1 \
    'if (explore_mutant == 102 && !peek) {
        int taken = pkn_atomic_cas_relaxed_size(&deque->top, &top, top + 1);
        if (taken) pkn_job_load(&ring->cell[top & (ring->capacity - 1)], job);
        return taken;
    }' ''
reorder pool/join_deque.h '    pkn_join_unmark(slot);' 2 'if (explore_mutant != 104)' ''
reorder pool/join_deque.h '    pkn_join_unmark(slot);' 1 'if (explore_mutant != 103)' ''
reorder pool/join_deque.h '    pkn_atomic_store_release_u64(&owner->join_range, pkn_join_next(range, index, index));' 1 \
    'if (explore_mutant == 103) {
        pkn_atomic_store_relaxed_u64(&owner->join_range, pkn_join_next(range, index, index));
        pkn_join_unmark(slot);
    } else' ''
reorder pool/join_deque.h \
    '    while (!pkn_atomic_cas_acq_rel_u64(&owner->join_range, &range, pkn_join_next(range, pkn_join_top(range), pkn_join_split(range)))) {' 1 \
    'if (explore_mutant == 104) {
        while (!pkn_atomic_cas_relaxed_u64(&owner->join_range, &range, pkn_join_next(range, pkn_join_top(range), pkn_join_split(range)))) {
        }
        pkn_join_unmark(slot);
    } else' ''
count=0
for file in $(cd src && ls pool/*.h pool/*.c); do
    awk -v n="$count" -v file="$file" -v list="$build/mutants.list" '
    {
        text = $0
        out = ""
        while (match(text, /pkn_atomic_[a-z_]+_(acquire|release|acq_rel|seq_cst)_(u32|u64|size|ptr)\(|pkn_fence_seq_cst\(|pkn_fence_all_threads\(/)) {
            name = substr(text, RSTART, RLENGTH - 1)
            weak = name
            if (!sub(/_(acquire|release|acq_rel|seq_cst)_/, "_relaxed_", weak)) weak = name ~ /all/ ? "explore_no_barrier" : "explore_no_fence"
            out = out substr(text, 1, RSTART - 1) "EXPLORE_SITE(" ++n ", " name ", " weak ")("
            text = substr(text, RSTART + RLENGTH)
            original = $0
            sub(/^ +/, "", original)
            if (++seen[original] > 1) original = original " (" seen[original] ")"
            print n "|" file "|" name "|" original >> list
        }
        print out text
    }
    END { print n > (list ".count") }' "$build/mutants_in/$file" > "$build/mutants.new"
    count=$(cat "$build/mutants.list.count")
    cp "$build/mutants.new" "$build/mutants_in/$file"
done
sh "$here/adapt.sh" "$build/mutants_in" "$here/shadow" "$build/mutants_src"
${CC:-cc} -std=gnu11 -g -O2 -fsanitize=thread -Wno-unused-value "-I$here" "-I$build/mutants_src" -c "$here/scenarios.c" -o "$build/mutants_scenarios.o"
${CC:-cc} "$build/main.o" "$build/litmus.o" "$build/planted.o" "$build/mutants_scenarios.o" -o "$build/explore_mutants"

killed=0
waived=0
survived=0
survives() { # MUTANT
    "$build/explore_mutants" --mutant "$1" --executions "$executions" scenarios > "$build/mutant.log" 2>&1
}
while IFS='|' read -r number file name original; do
    reordered=0
    case "$file: $original" in
    'pool/wait.h: pkn_atomic_store_release_u32(&self->parked, parked);') reordered=101 ;;
    'pool/spawn_deque.h: return peek || pkn_atomic_cas_acq_rel_size('*) reordered=102 ;;
    'pool/join_deque.h: pkn_atomic_store_release_u64('*) reordered=103 ;;
    'pool/join_deque.h: while (!pkn_atomic_cas_acq_rel_u64('*) reordered=104 ;;
    esac
    if survives "$number" && { [ $reordered = 0 ] || survives $reordered; }; then
        if grep -qxF -- "$file: $original" "$here/mutants.txt"; then
            waived=$((waived + 1))
            verdict=waived
        else
            survived=$((survived + 1))
            verdict=SURVIVED
        fi
    else
        killed=$((killed + 1))
        verdict="killed by $(sed -n 's/^  \(.*[^ ]\)  *[0-9]*  of more .*FAILED$/\1/p' "$build/mutant.log" | head -1 | tr -s ' ')"
    fi
    echo "$number $file: $original: $verdict"
done < "$build/mutants.list"
echo "mutants: $count, $killed killed, $waived waived, $survived survived"
[ "$survived" = 0 ]

# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# adapt.sh SRC SHADOW OUT: the library's sources as the explorer runs them: src/base with the shadow's files in front of the shipped
# ones, sizes narrowed so that borders are met in a few steps, and each thread's state and the global pool's
# pointer where the explorer finds them. Nothing else differs.
set -e
src=$1
shadow=$2
out=$3
rm -rf "$out"
mkdir -p "$out/base/shipped"
cp -r "$src/." "$out/"
mkdir -p "$out/base/shipped"
for file in "$shadow"/*.h; do
    name=$(basename "$file")
    mv "$out/base/$name" "$out/base/shipped/$name"
    cp "$file" "$out/base/$name"
done

change() { # FILE FROM TO: one line that is FROM becomes TO
    [ "$(grep -cxF -e "$2" "$out/$1")" = 1 ] || { echo "adapt.sh: $1 has not just one line: $2"; exit 1; }
    awk -v from="$2" -v to="$3" '$0 == from { print to; next } { print }' "$out/$1" > "$out/$1.new"
    mv "$out/$1.new" "$out/$1"
}
change pool/member.h '#define PKN_JOIN_SEGMENT_0 32u' '#define PKN_JOIN_SEGMENT_0 2u'
change pool/spawn_deque.h '#define PKN_JOB_RING_0 32u' '#define PKN_JOB_RING_0 2u'
change pool/wait.h '        if (polls % 8 == 7 && pkn_tally_spun(&self->tally) - spinning_since >= pool->spin_ticks) {' \
    '        if ((int)polls % explore_polls_before_sleep == explore_polls_before_sleep - 1 && pkn_tally_spun(&self->tally) - spinning_since >= pool->spin_ticks) {'
change pool/fork.h 'static PKN_THREAD_LOCAL pkn_fork_state *pkern_internal_self = &pkern_internal_outside;' \
    'static pkn_fork_state *pkern_internal_selves[EXPLORE_THREADS];\n#define pkern_internal_self (pkern_internal_selves[explore_self()])'
change pool/pool.c 'static pkn_atomic_ptr pkn_global_pool;' \
    'static pkn_atomic_ptr *explore_global_pool;\n#define pkn_global_pool (*explore_global_pool)'
change pool/process.h 'static PKN_THREAD_LOCAL pkn_thread_state pkn_this_thread;' \
    'static pkn_thread_state pkn_thread_states[EXPLORE_THREADS];\n#define pkn_this_thread (pkn_thread_states[explore_self()])'

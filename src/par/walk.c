/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The walk over a tree. A piece of the walk is a stack of nodes that are still to be visited, the
   next one on top; its thread goes on with it in a loop, so a tree may be as deep as memory. Where
   fewer pieces are on offer than there are threads, a part of the lowest level of the stack, the
   largest subtrees, becomes a piece of its own and a task: cuts follow demand, one load a node says
   that there is none.

   On the way back (PKERN_WALK_POSTFIX) a node stays in the stack under its children, as a mark that
   holds the pieces cut from them. The thread that gets there first, the one with the mark or the
   one that ends such a piece, leaves it to the other: each exchanges the piece's state once, and who
   finds that the other was there goes on. So no thread ever waits.

   Lifetime: a piece is held by itself, by each piece cut from it, and by the mark. */
#ifndef PKN_PAR_WALK_C
#define PKN_PAR_WALK_C

#include "base/alloc.h"
#include "base/bits.h"
#include "par/flow.h"
#include "par/serial_order.h"
#include "pool/guest.h"

#define PKN_WALK_NEAR 24 /* nodes of a stack before it needs memory of its own */

enum { PKN_WALK_RUNS = 0, PKN_WALK_ENDED = 1, PKN_WALK_AWAITED = 2 };

typedef struct pkn_walk_entry {
    void *node;       /* 0 in the mark at the bottom of a piece */
    pkern_walk *cut;  /* a mark's: the last piece cut from its children, then ->cut_before */
    uint32_t level;   /* same in neighbours: children of one node */
    uint32_t is_mark; /* the node is visited once all above is done */
} pkn_walk_entry;

typedef struct pkn_walk_call {
    pkn_course course;
    pkern_pool *pool;
    const pkern_allocator *allocator;
    pkern_scope scope;
    void *root;
    int order;
    int (*children)(void *node, pkern_walk *walk, void *ctx);
    int (*visit)(void *node, void *ctx);
    void *ctx;
    uint32_t most_offered;
    pkn_atomic_u32 offered; /* pieces that no thread has begun */
} pkn_walk_call;

struct pkern_walk {
    pkn_place place; /* must be first: place.parent is a pkern_walk, too */
    pkn_walk_call *call;
    pkern_walk *cut_before;
    pkn_atomic_u32 holders;
    pkn_atomic_u32 state;
    pkn_atomic_ptr offering; /* the thread that is handing a piece of this one to the pool, else 0 */
    int is_inline;           /* the pool had no memory and runs this inside of the hand-over */
    int ended_early;
    int push_failed;
    uint32_t push_level;
    size_t low; /* below are marks only */
    size_t count;
    size_t capacity;
    pkn_walk_entry *entries;
    pkn_walk_entry near_entries[PKN_WALK_NEAR];
};

PKN_INTERNAL int pkn_walk_run(void *context);

/* ---- pieces and their stacks ---- */

PKN_INTERNAL void pkn_walk_init(pkern_walk *piece, pkn_walk_call *call, pkern_walk *parent) {
    pkn_place_begin(&piece->place, parent != 0 ? &parent->place : 0);
    piece->call = call;
    piece->cut_before = 0;
    pkn_atomic_store_relaxed_u32(&piece->holders, 1);
    pkn_atomic_store_relaxed_u32(&piece->state, PKN_WALK_RUNS);
    pkn_atomic_store_relaxed_ptr(&piece->offering, 0);
    piece->is_inline = 0;
    piece->ended_early = 0;
    piece->push_failed = 0;
    piece->push_level = 0;
    piece->low = 0;
    piece->count = 0;
    piece->capacity = PKN_WALK_NEAR;
    piece->entries = piece->near_entries;
}

PKN_INTERNAL void pkn_walk_free_entries(pkern_walk *piece) {
    if (piece->entries != piece->near_entries) {
        pkn_release(piece->call->allocator, piece->entries,
                    piece->capacity * sizeof *piece->entries);
    }
}

PKN_INTERNAL void pkn_walk_drop(pkern_walk *piece) {
    /* acq_rel: the last holder sees what the others did to the piece */
    while (piece != 0 && pkn_atomic_fetch_sub_acq_rel_u32(&piece->holders, 1) == 1) {
        pkern_walk *parent = (pkern_walk *)(void *)piece->place.parent;
        pkn_walk_free_entries(piece);
        pkn_release(piece->call->allocator, piece, sizeof *piece);
        piece = parent;
    }
}

/* Room for this many entries. 1 without memory. */
PKN_INTERNAL int pkn_walk_reserve(pkern_walk *piece, size_t count) {
    size_t bytes;
    size_t capacity = piece->capacity;
    if (count <= capacity) {
        return 0;
    }
    capacity = pkn_max_size(count, capacity < SIZE_MAX / 2 ? 2 * capacity : SIZE_MAX);
    if (pkn_mul_overflows_size(capacity, sizeof(pkn_walk_entry), &bytes)) {
        return 1;
    }
    pkn_walk_entry *entries =
        (pkn_walk_entry *)pkn_allocate(piece->call->allocator, bytes, sizeof(void *));
    if (entries == 0) {
        return 1;
    }
    memcpy(entries, piece->entries, piece->count * sizeof *entries);
    pkn_walk_free_entries(piece);
    piece->entries = entries;
    piece->capacity = capacity;
    return 0;
}

/* There is room. */
PKN_INLINE void pkn_walk_append(pkern_walk *piece, void *node, uint32_t level, uint32_t is_mark) {
    pkn_walk_entry *entry = &piece->entries[piece->count++];
    entry->node = node;
    entry->cut = 0;
    entry->level = level;
    entry->is_mark = is_mark;
}

PKN_INLINE void pkn_walk_pop(pkern_walk *piece) {
    piece->count--;
    piece->low = pkn_min_size(piece->low, piece->count);
}

PKERN_API void pkern_walk_push(pkern_walk *walk, void *child) {
    if (child == 0) {
        return;
    }
    if (PKN_UNLIKELY(walk->count == walk->capacity) &&
        pkn_walk_reserve(walk, walk->count + 1) != 0) {
        walk->push_failed = 1;
        return;
    }
    pkn_walk_append(walk, child, walk->push_level, 0);
}

/* ---- cuts ---- */

/* How many entries from piece->low on are worth a piece of their own: half of the lowest level, or
   all of it where it is a single node and there is more above. */
PKN_INTERNAL size_t pkn_walk_cuttable(pkern_walk *piece) {
    const pkn_walk_entry *entries = piece->entries;
    while (piece->low < piece->count && entries[piece->low].is_mark) {
        piece->low++;
    }
    size_t end = piece->low;
    while (end < piece->count && !entries[end].is_mark &&
           entries[end].level == entries[piece->low].level) {
        end++;
    }
    size_t n = end - piece->low;
    return n == 1 ? end < piece->count : n / 2;
}

/* A piece of its own from n entries; 0 without memory. */
PKN_INTERNAL pkern_walk *pkn_walk_cut(pkern_walk *piece, size_t n) {
    pkn_walk_call *call = piece->call;
    pkn_walk_entry *first = piece->entries + piece->low;
    pkern_walk *cut = (pkern_walk *)pkn_allocate(call->allocator, sizeof *cut, PKN_CACHE_LINE);
    if (cut == 0) {
        return 0;
    }
    cut->call = call;
    cut->count = 0;
    cut->capacity = PKN_WALK_NEAR;
    cut->entries = cut->near_entries;
    if (pkn_walk_reserve(cut, n + 1) != 0) {
        pkn_release(call->allocator, cut, sizeof *cut);
        return 0;
    }
    pkn_walk_entry *entries = cut->entries;
    size_t capacity = cut->capacity;
    pkn_walk_init(cut, call, piece);
    cut->entries = entries;
    cut->capacity = capacity;
    if (call->order == PKERN_WALK_POSTFIX) {
        pkn_walk_append(cut, 0, 0, 1);
        pkn_walk_entry *mark = first - 1;
        cut->cut_before = mark->cut;
        mark->cut = cut;
        pkn_atomic_store_relaxed_u32(&cut->holders, 2);
    }
    memcpy(cut->entries + cut->count, first, n * sizeof *first);
    cut->count += n;
    piece->count -= n;
    memmove(first, first + n, (piece->count - piece->low) * sizeof *first);
    pkn_atomic_fetch_add_relaxed_u32(&piece->holders, 1);
    return cut;
}

PKN_INTERNAL PKN_NOINLINE void pkn_walk_offer(pkern_walk *piece) {
    pkn_walk_call *call = piece->call;
    size_t n = pkn_walk_cuttable(piece);
    pkern_walk *cut = n != 0 ? pkn_walk_cut(piece, n) : 0;
    if (cut != 0) {
        pkn_atomic_fetch_add_relaxed_u32(&call->offered, 1);
        pkn_atomic_store_relaxed_ptr(&piece->offering, &pkn_this_thread);
        (void)pkern_scope_spawn(&call->scope, pkn_walk_run, cut);
        pkn_atomic_store_relaxed_ptr(&piece->offering, 0);
    }
}

/* ---- a piece's thread ---- */

PKN_INTERNAL void pkn_walk_fail(pkern_walk *piece, int status) {
    pkn_course_fail(&piece->call->course, &piece->place, status);
}

/* What is left of the piece is not visited. */
PKN_INTERNAL PKN_COLD void pkn_walk_abandon(pkern_walk *piece) {
    piece->ended_early = 1;
    for (; piece->count != 0; pkn_walk_pop(piece)) {
        pkern_walk *cut = piece->entries[piece->count - 1].cut;
        while (cut != 0) {
            pkern_walk *before = cut->cut_before;
            pkn_walk_drop(cut);
            cut = before;
        }
    }
}

/* A node from above. 1 where it failed. */
PKN_INTERNAL int pkn_walk_enter_node(pkern_walk *piece) {
    pkn_walk_call *call = piece->call;
    pkn_walk_entry *top = &piece->entries[piece->count - 1];
    void *node = top->node;
    int status = 0;
    piece->push_level = top->level + 1;
    if (call->order == PKERN_WALK_POSTFIX) {
        top->is_mark = 1;
    } else {
        pkn_walk_pop(piece);
        status = call->visit(node, call->ctx);
    }
    size_t first = piece->count;
    if (status == 0) {
        status = call->children(node, piece, call->ctx);
    }
    if (PKN_UNLIKELY(status != 0 || piece->push_failed)) {
        pkn_walk_fail(piece, status != 0 ? status : PKERN_ENOMEM);
        return 1;
    }
    for (size_t last = piece->count; first + 1 < last; first++) {
        last--; /* the first child on top */
        pkn_walk_entry entry = piece->entries[first];
        piece->entries[first] = piece->entries[last];
        piece->entries[last] = entry;
    }
    return 0;
}

enum { PKN_WALK_READY = 0, PKN_WALK_SUSPENDED = 1, PKN_WALK_CUT_FAILED = 2 };

/* Takes the ended pieces off the mark on top. Suspended: the piece belongs to the thread that ends
   the cut piece, and must not be touched. */
PKN_INTERNAL int pkn_walk_collect(pkn_walk_entry *mark) {
    while (mark->cut != 0) {
        pkern_walk *cut = mark->cut;
        /* acq_rel: we see what the piece did, or its last thread sees our stack */
        if (pkn_atomic_exchange_acq_rel_u32(&cut->state, PKN_WALK_AWAITED) == PKN_WALK_RUNS) {
            return PKN_WALK_SUSPENDED;
        }
        int ended_early = cut->ended_early;
        mark->cut = cut->cut_before;
        pkn_walk_drop(cut);
        if (ended_early) {
            return PKN_WALK_CUT_FAILED;
        }
    }
    return PKN_WALK_READY;
}

/* Goes on to the end of the piece, 1, or to a mark whose pieces are still at work, 0. */
PKN_INTERNAL int pkn_walk_go_on(pkern_walk *piece) {
    pkn_walk_call *call = piece->call;
    while (piece->count != 0 && !pkn_must_end(&call->course, &piece->place)) {
        pkn_walk_entry *top = &piece->entries[piece->count - 1];
        if (top->is_mark) {
            void *node = top->node;
            int collected = pkn_walk_collect(top);
            if (collected == PKN_WALK_SUSPENDED) {
                return 0;
            }
            if (collected == PKN_WALK_CUT_FAILED) {
                break;
            }
            pkn_walk_pop(piece);
            int status = node != 0 ? call->visit(node, call->ctx) : 0;
            if (status != 0) {
                pkn_walk_fail(piece, status);
                break;
            }
        } else {
            if (pkn_walk_enter_node(piece) != 0) {
                break;
            }
            if (pkn_atomic_load_relaxed_u32(&call->offered) < call->most_offered &&
                !piece->is_inline) {
                pkn_walk_offer(piece);
            }
        }
    }
    if (piece->count != 0) {
        pkn_walk_abandon(piece);
    }
    return 1;
}

PKN_INTERNAL void pkn_walk_go_on_and_up(pkern_walk *piece) {
    while (piece != 0 && pkn_walk_go_on(piece)) {
        pkern_walk *parent = (pkern_walk *)(void *)piece->place.parent;
        /* acq_rel: the thread at the mark sees what we did, or we see its stack */
        uint32_t state = pkn_atomic_exchange_acq_rel_u32(&piece->state, PKN_WALK_ENDED);
        pkn_walk_drop(piece);
        piece = state == PKN_WALK_AWAITED ? parent : 0;
    }
}

/* The task of a cut piece. */
PKN_INTERNAL int pkn_walk_run(void *context) {
    pkern_walk *piece = (pkern_walk *)context;
    pkern_walk *parent = (pkern_walk *)(void *)piece->place.parent;
    pkn_atomic_fetch_sub_relaxed_u32(&piece->call->offered, 1);
    piece->is_inline = pkn_atomic_load_relaxed_ptr(&parent->offering) == (void *)&pkn_this_thread;
    pkn_walk_go_on_and_up(piece);
    return 0;
}

/* ---- the call ---- */

PKN_INTERNAL int pkn_walk_main(void *context) {
    pkn_walk_call *call = (pkn_walk_call *)context;
    int threads = pkern_pool_num_threads(call->pool);
    pkern_walk whole;
    pkn_walk_init(&whole, call, 0);
    pkn_atomic_store_relaxed_u32(&whole.holders, 2); /* it lies on the stack */
    if (call->order == PKERN_WALK_POSTFIX) {
        pkn_walk_append(&whole, 0, 0, 1);
    }
    pkn_walk_append(&whole, call->root, 0, 0);
    /* a call that got no place in the pool runs alone */
    call->most_offered =
        threads > 1 && pkern_worker_index(call->pool) >= 0 ? (uint32_t)threads : 0;
    (void)pkern_scope_begin(&call->scope, call->pool);
    pkn_walk_go_on_and_up(&whole);
    pkern_status status = pkern_scope_wait(&call->scope);
    pkn_walk_free_entries(&whole);
    return status;
}

PKERN_API pkern_status pkern_walk_tree(pkern_pool *pool, void *root, int order,
                                       const pkern_par_options *options,
                                       int (*children)(void *node, pkern_walk *walk, void *ctx),
                                       int (*visit)(void *node, void *ctx), void *ctx) {
    pkn_walk_call call;
    if (children == 0 || visit == 0 || order < PKERN_WALK_ANY || order > PKERN_WALK_POSTFIX) {
        return PKERN_EINVAL;
    }
    if (root == 0) {
        return PKERN_OK;
    }
    memset((void *)&call, 0, sizeof call);
    pkn_course_begin(&call.course, options);
    call.pool = pool;
    call.allocator = pkn_pool_allocator(pool);
    call.root = root;
    call.order = order;
    call.children = children;
    call.visit = visit;
    call.ctx = ctx;
    pkern_status status = pkern_pool_install(pool, pkn_walk_main, &call);
    pkern_status outcome = pkn_course_status(&call.course);
    return outcome != PKERN_OK ? outcome : status;
}

#endif

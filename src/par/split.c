/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Work that the user divides: cut in two as long as a count says so, both sides of a cut as a join.
   A part that is run by another thread than the one that cut it off shows that threads are idle, so
   its count starts anew. */
#ifndef PKN_PAR_SPLIT_C
#define PKN_PAR_SPLIT_C

#include "base/alloc.h"
#include "par/flow.h"
#include "par/serial_order.h"
#include "pool/guest.h"

#define PKN_SPLIT_NEAR 128 /* bytes of work that are kept on the stack */

typedef struct pkn_split {
    pkn_course course;
    pkern_pool *pool;
    size_t size;
    int (*split)(void *work, void *right, void *ctx);
    int (*leaf)(void *work, void *ctx);
    void *ctx;
} pkn_split;

typedef struct pkn_split_part {
    pkn_place place;
    pkn_split *call;
    void *work;
    uint32_t cuts_left;
    int cutter; /* worker index of the thread that cut it off */
} pkn_split_part;

PKN_INTERNAL int pkn_split_run(void *context);

/* The join's second side. */
PKN_INTERNAL int pkn_split_run_right(void *context) {
    pkn_split_part *part = (pkn_split_part *)context;
    if (pkern_worker_index(part->call->pool) != part->cutter) {
        uint32_t threads = (uint32_t)pkern_pool_num_threads(part->call->pool);
        part->cuts_left = part->cuts_left > threads ? part->cuts_left : threads;
    }
    return pkn_split_run(part);
}

/* 1 where the part was cut and both sides are done. memory: room for the right side */
PKN_INTERNAL int pkn_split_cut(pkn_split_part *part, void *memory) {
    pkn_split *call = part->call;
    pkn_split_part right;
    if (memory == 0 || call->split(part->work, memory, call->ctx) == 0) {
        return 0;
    }
    part->cuts_left /= 2;
    pkn_place_begin(&right.place, &part->place);
    right.call = call;
    right.work = memory;
    right.cuts_left = part->cuts_left;
    right.cutter = pkern_worker_index(call->pool);
    int status = pkern_join(call->pool, pkn_split_run, part, pkn_split_run_right, &right);
    if (status != 0) {
        pkn_course_fail(&call->course, &part->place, status); /* lost in a fork */
    }
    return 1;
}

PKN_INTERNAL PKN_NOINLINE int pkn_split_cut_near(pkn_split_part *part) {
    PKN_ALIGNED(PKN_CACHE_LINE) unsigned char memory[PKN_SPLIT_NEAR];
    return pkn_split_cut(part, memory);
}

PKN_INTERNAL PKN_NOINLINE int pkn_split_cut_far(pkn_split_part *part) {
    const pkern_allocator *allocator = pkn_pool_allocator(part->call->pool);
    void *memory = pkn_allocate(allocator, part->call->size, PKN_CACHE_LINE);
    int was_cut = pkn_split_cut(part, memory);
    pkn_release(allocator, memory, part->call->size);
    return was_cut;
}

PKN_INTERNAL int pkn_split_run(void *context) {
    pkn_split_part *part = (pkn_split_part *)context;
    pkn_split *call = part->call;
    if (pkn_must_end(&call->course, &part->place)) {
        return 0;
    }
    if (part->cuts_left != 0 && (call->size <= PKN_SPLIT_NEAR ? pkn_split_cut_near(part)
                                                              : pkn_split_cut_far(part))) {
        return 0;
    }
    int status = call->leaf(part->work, call->ctx);
    if (status != 0) {
        pkn_course_fail(&call->course, &part->place, status);
    }
    return 0;
}

PKERN_API pkern_status pkern_par_split(pkern_pool *pool, void *work, size_t size,
                                       const pkern_par_options *options,
                                       int (*split)(void *work, void *right, void *ctx),
                                       int (*leaf)(void *work, void *ctx), void *ctx) {
    pkn_split call;
    pkn_split_part whole;
    if (work == 0 || size == 0 || split == 0 || leaf == 0) {
        return PKERN_EINVAL;
    }
    if (size > SIZE_MAX / 2) {
        return PKERN_EOVERFLOW;
    }
    pkn_course_begin(&call.course, options);
    call.pool = pool;
    call.size = size;
    call.split = split;
    call.leaf = leaf;
    call.ctx = ctx;
    pkn_place_begin(&whole.place, 0);
    whole.call = &call;
    whole.work = work;
    whole.cuts_left = (uint32_t)pkern_pool_num_threads(pool);
    whole.cutter = -1;
    /* inside of the pool, so that the caller's index stays the same and callbacks find the pool */
    pkern_status status = pkern_pool_install(pool, pkn_split_run, &whole);
    return status != PKERN_OK ? status : pkn_course_status(&call.course);
}

#endif

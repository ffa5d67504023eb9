/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Loops, maps, reductions and selection over arrays of any element: the parallel forms of the loops
   that C programs are made of.

   Common to all of them:
   - pool 0 is the pool of the task or install that the caller is in, else the global one. Any
     thread may call, several at once, and from inside another call's callback. A call blocks until
     its work is done; while it waits it works.
   - Callbacks that return int: 0 goes on, anything else stops the call soon and is returned; of
     several failures the one with the lowest index, as the serial loop would. A callback's failure
     beats PKERN_ECANCELED.
   - PKERN_EINVAL and PKERN_EOVERFLOW mean that nothing was written and no callback ran (unless a
     callback returned that value). n = 0 is PKERN_OK, with null arrays too.
   - options 0 is a zeroed pkern_par_options. min_len above a max_len that is not 0 is PKERN_EINVAL.
   - Where a line says "allocates", the memory comes from the pool's allocator and is given back
     before the call returns. */
#ifndef PKN_PAR_PAR_H
#define PKN_PAR_PAR_H

#include "base/base.h"
#include "pool/pool.h"

PKERN_EXTERN_C_BEGIN

/* Calls body on disjoint pieces that cover [begin, end). Equals body(begin, end, ctx). Pieces hold
   min_len to max_len items (the last may be shorter); which thread gets which piece, and when, is
   open. Once a failure is known no piece above it is begun, every piece below it is finished, and
   the failure with the lowest begin is returned. options->cancel is asked before every piece,
   options->progress is told items of end - begin. begin > end or body 0 is PKERN_EINVAL. Allocates
   nothing.
   Source: Blumofe, Leiserson, "Scheduling multithreaded computations by work stealing", 1999; the
   flat path is own. */
PKERN_API pkern_status pkern_par_for(pkern_pool *pool, size_t begin, size_t end,
                                     const pkern_par_options *options, pkern_range_fn body,
                                     void *ctx);

/* Computes each out from its in. Equals
       for (i = 0; i < n; i++)
           if ((status = fn(in + i * in_size, out + i * out_size, ctx)) != 0) return status;
   in is [n] elements of in_size bytes, out [n] of out_size. out == in is allowed where in_size ==
   out_size; any other overlap is PKERN_EINVAL, so are a size of 0, fn 0, or an array of 0 where n >
   0. n * size beyond size_t is PKERN_EOVERFLOW. After a failure at item i, items below i are done
   and some above i may be. Deterministic where fn is. Allocates nothing. fn is called through a
   pointer once per item (about 2 ns); PKERN_DEFINE_MAP makes a map whose expression is inlined. */
PKERN_API pkern_status pkern_par_map(pkern_pool *pool, const void *in, size_t in_size, void *out,
                                     size_t out_size, size_t n, const pkern_par_options *options,
                                     int (*fn)(const void *in, void *out, void *ctx), void *ctx);

/* Calls fn once on every run of chunk_len elements. Equals
       for (c = 0; c * chunk_len < n; c++)
           fn(base + c * chunk_len * size, min(chunk_len, n - c * chunk_len), c, ctx);
   base is [n] elements of size bytes; only the last chunk may be shorter. A piece, with min_len and
   max_len in elements, runs the chunks that begin in it. Progress counts elements. chunk_len 0,
   size 0, fn 0, or base 0 where n > 0 is PKERN_EINVAL; n * size beyond size_t is PKERN_EOVERFLOW.
   The failure of the lowest chunk is returned. The cuts depend on n and chunk_len alone. Allocates
   nothing. */
PKERN_API pkern_status pkern_par_chunks(pkern_pool *pool, void *base, size_t n, size_t size,
                                        size_t chunk_len, const pkern_par_options *options,
                                        int (*fn)(void *chunk, size_t len, size_t chunk_index,
                                                  void *ctx),
                                        void *ctx);

/* How to reduce. An accumulator is size bytes, aligned as an array of its type would be (to at most
   64 bytes); it is copied by memcpy and dropped without a call, so it must not own anything. */
typedef struct pkern_reducer {
    size_t size; /* bytes of an accumulator, any but 0 */
    /* sets acc to the value that changes nothing */
    void (*identity)(void *acc, void *ctx);
    /* takes items begin .. end - 1 into acc */
    int (*fold)(void *acc, size_t begin, size_t end, void *ctx);
    /* acc = acc then right; acc is the left one */
    void (*combine)(void *acc, const void *right, void *ctx);
    void *ctx;
} pkern_reducer;

/* Reduces items [begin, end) to one accumulator. Equals
       identity(result); fold(result, begin, end);
   for an associative combine, which need not be commutative.
   Same bits at any number of threads, floats included: the range is cut into leaves of
   clamp(ceil((end - begin) / 512), min_len, max_len) items, each leaf is identity and one fold, and
   leaves are combined in index order by the binary tree whose node of height h covers 2^h
   neighbouring leaves. Cuts and tree depend on the length and on min_len and max_len alone, never
   on costs, threads or timing. Where an item costs a few ns, set min_len to 256 or more: a leaf
   costs three calls through pointers.
   result is [1] accumulator, written only where PKERN_OK is returned. An empty range gives the
   identity. fold's failure with the lowest begin is returned; combine can't fail. Progress counts
   items.
   A null pointer, size 0 or begin > end is PKERN_EINVAL; a scratch size beyond size_t is
   PKERN_EOVERFLOW; PKERN_ENOMEM is returned where scratch could not be had (folds may have run).
   Allocates nothing where accumulators have up to 16 bytes and the pool up to 8 threads. Else at
   most max(128, 16 T) accumulators of up to 64 bytes, or max(16, 8 T) larger ones, and about 6 in
   each thread that takes part.
   Source: Blelloch et al., "Internally deterministic parallel algorithms can be fast", 2012; the
   cuts are own. */
PKERN_API pkern_status pkern_par_reduce(pkern_pool *pool, size_t begin, size_t end,
                                        const pkern_par_options *options,
                                        const pkern_reducer *reducer, void *result);

/* Below 0 where a comes before b, 0 where they are equal, above 0 where a comes after b, as
   qsort's. Called from several threads at once by the functions with par in their name. It should
   be a strict weak order. Where it is not (random, NaN-blind, stateful), every function below still
   ends, stays in bounds, and leaves a permutation; only the order is then undefined. */
typedef int (*pkern_compare_fn)(const void *a, const void *b, void *ctx);

/* Puts the element that a sort would put at nth there, none before it larger, none after it
   smaller. Equals a sort of base of which only element nth is looked at, in O(n) on average and O(n
   log n) at most. base is [n] elements of size bytes, reordered in place, also within the two sides
   (the same way in every run). nth >= n is PKERN_EINVAL, so n = 0 always is: there is no element to
   give. size 0, compare 0 or base 0 too; n * size beyond size_t is PKERN_EOVERFLOW. Runs on the
   caller alone; allocates nothing. Elements of 4, 8 and 16 bytes have code of their own.
   Source: Hoare, "Algorithm 65: find", 1961; Musser, "Introspective sorting and selection
   algorithms", 1997; Peters, "Branchless Lomuto partitioning", 2023. */
PKERN_API pkern_status pkern_select_nth(void *base, size_t n, size_t size, size_t nth,
                                        pkern_compare_fn compare, void *ctx);

/* pkern_select_nth on all threads: about 1.5 comparisons per element for a median, one for a rank
   near an end. Element nth is the same as pkern_select_nth's, up to elements that compare equal;
   the order within the two sides depends on whether the pool has one thread or more, not on how
   many. Arguments as there. Short arrays and pools of one thread take pkern_select_nth's way.
   Allocates nothing.
   Source: Floyd, Rivest, "Expected time bounds for selection", 1975; the parallel partition is own.
   */
PKERN_API pkern_status pkern_par_select_nth(pkern_pool *pool, void *base, size_t n, size_t size,
                                            size_t nth, pkern_compare_fn compare, void *ctx);

/* Finds the indices of the k elements that a stable sort by compare would put first, in that order.
   Equals a stable sort of the indices 0 .. n - 1 by (element, index) cut after k. base is [n]
   elements of size bytes and is not changed; out_indices is [k]. Equal elements: lower index first.
   Where k > n the rest of out_indices is SIZE_MAX. k = 0 is PKERN_OK. O(n) compares plus O(k log
   k): about one per element where k is small. size 0, compare 0, base 0 where n > 0, out_indices 0
   where k > 0, or an out_indices that overlaps base is PKERN_EINVAL; n * size or k * sizeof(size_t)
   beyond size_t is PKERN_EOVERFLOW; PKERN_ENOMEM leaves out_indices as it was. Same result at any
   number of threads. Allocates O(k) words a leaf, at most n words in all and 64 KiB.
   Source: own; the first threshold is taken from a sample as in Floyd and Rivest, 1975. */
PKERN_API pkern_status pkern_par_top_k(pkern_pool *pool, const void *base, size_t n, size_t size,
                                       size_t k, pkern_compare_fn compare, void *ctx,
                                       size_t *out_indices);

/* Appends to indices, from *n_indices on, each i of [begin, end) whose element comes before
   threshold (or_equal: does not come after it; threshold 0: every i), and stops before an i for
   which there may be no room in capacity. Returns where it stopped. */
typedef size_t (*pkern_filter_fn)(const void *base, size_t begin, size_t end, const void *threshold,
                                  int or_equal, size_t *indices, size_t *n_indices, size_t capacity,
                                  void *ctx);

/* pkern_par_top_k with its inner loop given: what PKERN_DEFINE_TOP_K calls. filter must agree with
   compare, which is used for the few that filter lets through. Capacity is at least 16 above
   *n_indices whenever filter is called, and filter then must advance. Everything else as
   pkern_par_top_k; filter 0 is PKERN_EINVAL. */
PKERN_API pkern_status pkern_par_top_k_filter(pkern_pool *pool, const void *base, size_t n,
                                              size_t size, size_t k, pkern_compare_fn compare,
                                              pkern_filter_fn filter, void *ctx,
                                              size_t *out_indices);

PKERN_EXTERN_C_END

#include "par/typed.h"

#endif

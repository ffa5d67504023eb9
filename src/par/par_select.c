/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Selection on all threads, in place. Each round takes a pivot from a sample, a little to the side
   of the wanted rank where more elements lie, and so cuts most of that side off: about 1.5 n
   comparisons for a median, n for an end.

   Tuned for 10^5 elements and more. A round partitions blocks, each on its own; then the high runs
   that lie where lows belong change places with as many lows beyond. Cuts depend on n alone, so the
   result is the same at any number of threads above one. Invariants, whatever the comparison
   answers: elements only swap places, a block's count is what its partition returned, and every
   round takes at least the pivot out of the range. */
#ifndef PKN_PAR_PAR_SELECT_C
#define PKN_PAR_PAR_SELECT_C

#include "base/bits.h"
#include "par/par.h"
#include "par/sample.h"
#include "par/select.c"
#include "par/units.h"

/* From here on a pass is worth waking a thread for. */
#define PKN_PAR_SELECT_MIN 131072
/* Below this the rest is selected by one thread, in about 0.1 ms. */
#define PKN_PAR_SELECT_LEAST 32768
/* Of the range that is left; a good round leaves an eighth or, at a median's first, a half. */
#define PKN_PAR_SELECT_ROUNDS 6
#define PKN_PAR_SELECT_BLOCKS 64

typedef struct pkn_blocks {
    unsigned char *base;
    size_t n;
    size_t size;
    size_t block_len;
    size_t n_blocks;
    size_t n_low;
    size_t lows[PKN_PAR_SELECT_BLOCKS]; /* each block has its lows in front */
    const unsigned char *pivot;
    int or_equal;
    pkern_compare_fn compare;
    void *ctx;
} pkn_blocks;

PKN_INLINE size_t pkn_block_len(const pkn_blocks *blocks, size_t block) {
    return pkn_min_size(blocks->block_len, blocks->n - block * blocks->block_len);
}

PKN_ALWAYS_INLINE size_t pkn_block_partition(const pkn_blocks *blocks, size_t block, size_t size) {
    unsigned char *base = blocks->base + block * blocks->block_len * size;
    size_t len = pkn_block_len(blocks, block);
    return blocks->or_equal
               ? pkn_partition(base, len, size, blocks->pivot, 1, blocks->compare, blocks->ctx)
               : pkn_partition(base, len, size, blocks->pivot, 0, blocks->compare, blocks->ctx);
}

PKN_INTERNAL int pkn_blocks_partition(size_t begin, size_t end, void *ctx) {
    pkn_blocks *blocks = (pkn_blocks *)ctx;
    size_t last = pkn_unit_count(end, blocks->block_len);
    for (size_t block = pkn_unit_count(begin, blocks->block_len); block < last; block++) {
        switch (blocks->size) {
        case 4:
            blocks->lows[block] = pkn_block_partition(blocks, block, 4);
            break;
        case 8:
            blocks->lows[block] = pkn_block_partition(blocks, block, 8);
            break;
        case 16:
            blocks->lows[block] = pkn_block_partition(blocks, block, 16);
            break;
        default:
            blocks->lows[block] = pkn_block_partition(blocks, block, blocks->size);
            break;
        }
    }
    return 0;
}

/* The part of the block that must move: its highs below n_low (high 1) or its lows from n_low on
   (high 0). */
PKN_INLINE size_t pkn_block_misplaced(const pkn_blocks *blocks, size_t block, int high,
                                      size_t *first) {
    size_t begin = block * blocks->block_len;
    size_t middle = begin + blocks->lows[block];
    size_t end = begin + pkn_block_len(blocks, block);
    if (high) {
        *first = middle;
        return pkn_min_size(end, pkn_max_size(middle, blocks->n_low)) - middle;
    }
    *first = pkn_max_size(begin, pkn_min_size(middle, blocks->n_low));
    return middle - *first;
}

/* Where in the array the misplaced element number rank is, and how many follow it in one run
   (itself included). */
PKN_INTERNAL size_t pkn_blocks_find(const pkn_blocks *blocks, int high, size_t rank,
                                    size_t *position) {
    for (size_t block = 0;; block++) {
        size_t first;
        size_t len = pkn_block_misplaced(blocks, block, high, &first);
        if (rank < len) {
            *position = first + rank;
            return len - rank;
        }
        rank -= len;
    }
}

/* Misplaced highs number begin .. end - 1 change places with the lows of the same numbers. */
PKN_INTERNAL int pkn_blocks_exchange(size_t begin, size_t end, void *ctx) {
    const pkn_blocks *blocks = (const pkn_blocks *)ctx;
    while (begin < end) {
        size_t high;
        size_t low;
        size_t len = pkn_min_size(pkn_blocks_find(blocks, 1, begin, &high),
                                  pkn_blocks_find(blocks, 0, begin, &low));
        len = pkn_min_size(len, end - begin);
        pkn_swap_elements(blocks->base + high * blocks->size, blocks->base + low * blocks->size,
                          len * blocks->size);
        begin += len;
    }
    return 0;
}

/* pkn_partition of [base, base + n) on all threads. */
PKN_INTERNAL size_t pkn_par_partition(pkern_pool *pool, pkn_blocks *blocks, unsigned char *base,
                                      size_t n, int or_equal) {
    pkern_par_options options;
    size_t n_misplaced = 0;
    if (n == 0) {
        return 0;
    }
    blocks->base = base;
    blocks->n = n;
    blocks->or_equal = or_equal;
    blocks->block_len = pkn_unit_count(n, PKN_PAR_SELECT_BLOCKS);
    blocks->n_blocks = pkn_unit_count(n, blocks->block_len);
    blocks->n_low = 0;
    /* The loops can't fail: their bodies don't and nobody can cancel them. */
    (void)pkn_units_run(pool, n, blocks->block_len, 0, pkn_blocks_partition, blocks,
                        (size_t)blocks->compare);
    for (size_t block = 0; block < blocks->n_blocks; block++) {
        blocks->n_low += blocks->lows[block];
    }
    for (size_t block = 0; block < blocks->n_blocks; block++) {
        size_t first;
        n_misplaced += pkn_block_misplaced(blocks, block, 1, &first);
    }
    if (n_misplaced > 0) {
        memset(&options, 0, sizeof options);
        options.min_len = 4096;
        options.item_cost_ns = 0.05 * (double)blocks->size + 0.2;
        (void)pkn_loop_run(pool, 0, n_misplaced, &options, pkn_blocks_exchange, blocks);
    }
    return blocks->n_low;
}

/* What a sample says of element nth. */
enum {
    PKN_NTH_IS_UNKNOWN,
    PKN_NTH_IS_BELOW_OR_PIVOT, /* most likely: the pivot was taken above it */
    PKN_NTH_IS_PIVOT           /* most likely: the sample has one value only around it */
};

/* Puts a pivot first: from the sorted sample's place for nth three standard deviations of its error
   further on the side where more elements lie. The sample is moved to the front, which needs no
   memory. */
PKN_INTERNAL int pkn_par_select_pivot(const pkn_blocks *blocks, unsigned char *base, size_t n,
                                      size_t nth) {
    size_t size = blocks->size;
    size_t n_samples = pkn_sample_count(n);
    size_t step = n / n_samples;
    size_t rank = pkn_min_size(nth / step, n_samples - 1);
    /* sqrt(rank (1 - rank / n_samples)), or a little more */
    size_t deviation =
        pkn_root_size(pkn_min_size(pkn_min_size(rank, n_samples - 1 - rank) + 1, n_samples / 4));
    size_t margin = 3 * deviation + 2;
    size_t low = rank - pkn_min_size(margin, rank);
    size_t high = pkn_min_size(rank + margin, n_samples - 1);
    int take_high = nth < n / 2;
    int is_pivot;
    for (size_t i = 0; i < n_samples; i++) {
        pkn_swap_elements(base + i * size, base + pkn_sample_at(i, step) * size, size);
    }
    pkn_select(base, n_samples, size, high, blocks->compare, blocks->ctx);
    if (low < high) {
        pkn_select(base, high, size, low, blocks->compare, blocks->ctx);
    }
    is_pivot = !(blocks->compare(base + low * size, base + high * size, blocks->ctx) < 0);
    pkn_swap_elements(base, base + (take_high ? high : low) * size, size);
    return is_pivot ? PKN_NTH_IS_PIVOT : take_high ? PKN_NTH_IS_BELOW_OR_PIVOT : PKN_NTH_IS_UNKNOWN;
}

PKN_INTERNAL void pkn_par_select_run(pkern_pool *pool, unsigned char *base, size_t n, size_t size,
                                     size_t nth, pkern_compare_fn compare, void *ctx) {
    pkn_blocks blocks;
    blocks.size = size;
    blocks.compare = compare;
    blocks.ctx = ctx;
    for (int round = 0; round < PKN_PAR_SELECT_ROUNDS && n >= PKN_PAR_SELECT_LEAST; round++) {
        int guess = pkn_par_select_pivot(&blocks, base, n, nth);
        int no_larger = guess == PKN_NTH_IS_PIVOT && nth < n / 2;
        size_t taken;
        size_t low;
        blocks.pivot = base;
        /* Where nth is most likely one of many equal to the pivot, the larger side goes first. */
        if (no_larger) {
            taken = 1 + pkn_par_partition(pool, &blocks, base + size, n - 1, 1);
            if (nth >= taken) {
                base += taken * size;
                nth -= taken;
                n -= taken;
                continue;
            }
            n = taken;
        }
        low = pkn_par_partition(pool, &blocks, base + size, n - 1, 0);
        pkn_swap_elements(base, base + low * size, size);
        if (nth < low) {
            n = low;
            continue;
        }
        if (nth == low || no_larger) {
            return;
        }
        taken = low + 1;
        if (guess != PKN_NTH_IS_UNKNOWN || low < n / 8) {
            blocks.pivot = base + low * size;
            taken += pkn_par_partition(pool, &blocks, base + taken * size, n - taken, 1);
            if (nth < taken) {
                return;
            }
        }
        base += taken * size;
        nth -= taken;
        n -= taken;
    }
    pkn_select(base, n, size, nth, compare, ctx);
}

PKERN_API pkern_status pkern_par_select_nth(pkern_pool *pool, void *base, size_t n, size_t size,
                                            size_t nth, pkern_compare_fn compare, void *ctx) {
    pkern_status status = pkn_select_check(base, n, size, nth, compare);
    if (status != PKERN_OK) {
        return status;
    }
    if (n < PKN_PAR_SELECT_MIN || pkern_pool_num_threads(pool) == 1) {
        pkn_select((unsigned char *)base, n, size, nth, compare, ctx);
    } else {
        pkn_par_select_run(pool, (unsigned char *)base, n, size, nth, compare, ctx);
    }
    return PKERN_OK;
}

#endif

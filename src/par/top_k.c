/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The first k of n, tuned for k far below n: one comparison per element with a threshold that few
   elements pass.

   Every leaf filters its elements into a buffer of its own. When the buffer is full, the best k of
   it stay and the worst of those is the new threshold; elements after it in the array that equal it
   are out, since ties go to the lower index. The leaves start from one threshold, taken from a
   sample a little above the rank k, so that few more than k elements pass. Should fewer than k pass
   (the sample was unlucky, or the comparison contradicts itself), the leaves run again without.
   What they keep is merged by one selection and a sort of k indices.

   Invariants, whatever the comparison answers: a buffer holds distinct indices of its leaf; a leaf
   without a starting threshold keeps min(k, its length) of them at least. */
#ifndef PKN_PAR_TOP_K_C
#define PKN_PAR_TOP_K_C

#include "base/alloc.h"
#include "par/introselect.h"
#include "par/par.h"
#include "par/sample.h"
#include "par/units.h"

#define PKN_TOP_K_LEAVES 64
/* A leaf is worth about 6 us of comparisons, and 8 k elements, so that all buffers together hold n
   / 4 indices at most. */
#define PKN_TOP_K_MIN_LEAF 4096
/* Room in a buffer above 2 k, so that a small k isn't compacted all the time. */
#define PKN_TOP_K_ROOM 64
#define PKN_TOP_K_RUN 8
#define PKN_TOP_K_LOCAL_WORDS 256

/* Orders indices by (element, index), as a stable sort would: no two are equal. */
typedef struct pkn_index_order {
    const unsigned char *base;
    size_t size;
    pkern_compare_fn compare;
    void *ctx;
} pkn_index_order;

typedef struct pkn_top_k {
    pkn_index_order order;
    pkern_filter_fn filter;
    void *filter_ctx;
    size_t n;
    size_t k; /* <= n */
    size_t leaf_len;
    size_t n_leaves;
    size_t capacity; /* indices in a leaf's buffer */
    size_t *buffers; /* [n_leaves x capacity], or the sample before that */
    size_t *counts;  /* [n_leaves] */
    int has_threshold;
    size_t threshold; /* index of the element that the leaves start from */
} pkn_top_k;

PKN_ALWAYS_INLINE int pkn_index_compare(const void *a, const void *b, void *ctx) {
    const pkn_index_order *order = (const pkn_index_order *)ctx;
    size_t left;
    size_t right;
    int sign;
    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    sign = order->compare(order->base + left * order->size, order->base + right * order->size,
                          order->ctx);
    return sign != 0 ? sign : left < right ? -1 : 1;
}

/* Puts the index of rank nth at nth, those before it in front of it. */
PKN_INTERNAL void pkn_index_select(pkn_index_order *order, size_t *indices, size_t n, size_t nth) {
    pkn_introselect((unsigned char *)indices, n, sizeof *indices, nth, pkn_index_compare, order);
}

/* Four comparisons between branches: the sign of their "or" says whether any was below 0, that of
   their "and" whether all were. */
PKN_ALWAYS_INLINE size_t pkn_top_k_scan(const pkn_index_order *order, size_t i, size_t end,
                                        const void *threshold, int or_equal, size_t *indices,
                                        size_t *n_indices, size_t capacity) {
    pkern_compare_fn compare = order->compare;
    void *ctx = order->ctx;
    size_t size = order->size;
    const unsigned char *x = order->base + i * size;
    size_t found = *n_indices;
#define PKN_SIGN(j) \
    (or_equal ? compare(threshold, x + (j)*size, ctx) : compare(x + (j)*size, threshold, ctx))
    while (end - i >= 4 && capacity - found >= 4) {
        int sign[4];
        sign[0] = PKN_SIGN(0);
        sign[1] = PKN_SIGN(1);
        sign[2] = PKN_SIGN(2);
        sign[3] = PKN_SIGN(3);
        if (PKN_UNLIKELY(or_equal ? (sign[0] & sign[1] & sign[2] & sign[3]) >= 0
                                  : (sign[0] | sign[1] | sign[2] | sign[3]) < 0)) {
            for (size_t j = 0; j < 4; j++) {
                indices[found] = i + j;
                found += (size_t)((sign[j] < 0) != or_equal);
            }
        }
        i += 4;
        x += 4 * size;
    }
    for (; i < end && found < capacity; i++, x += size) {
        indices[found] = i;
        found += (size_t)((PKN_SIGN(0) < 0) != or_equal);
    }
#undef PKN_SIGN
    *n_indices = found;
    return i;
}

PKN_INTERNAL size_t pkn_top_k_filter(const void *base, size_t begin, size_t end,
                                     const void *threshold, int or_equal, size_t *indices,
                                     size_t *n_indices, size_t capacity, void *ctx) {
    const pkn_index_order *order = (const pkn_index_order *)ctx;
    PKN_UNUSED(base);
    if (threshold == 0) {
        return pkn_filter_all(begin, end, indices, n_indices, capacity);
    }
    return or_equal ? pkn_top_k_scan(order, begin, end, threshold, 1, indices, n_indices, capacity)
                    : pkn_top_k_scan(order, begin, end, threshold, 0, indices, n_indices, capacity);
}

/* Keeps the best k of found indices and returns the worst of them. found > k > 0 */
PKN_INTERNAL const void *pkn_top_k_compact(pkn_top_k *top, size_t *indices, size_t *found) {
    pkn_index_select(&top->order, indices, *found, top->k - 1);
    *found = top->k;
    return top->order.base + indices[top->k - 1] * top->order.size;
}

PKN_INTERNAL size_t pkn_top_k_leaf(pkn_top_k *top, size_t begin, size_t end, size_t *indices) {
    const void *threshold =
        top->has_threshold ? top->order.base + top->threshold * top->order.size : 0;
    /* Up to the threshold's own index an equal element comes before it; a threshold from the buffer
       lies behind us. */
    size_t or_equal_end = top->has_threshold ? top->threshold + 1 : 0;
    size_t found = 0;
    for (size_t i = begin; i < end;) {
        int or_equal = i < or_equal_end;
        size_t stop = or_equal ? pkn_min_size(end, or_equal_end) : end;
        i = top->filter(top->order.base, i, stop, threshold, or_equal, indices, &found,
                        top->capacity, top->filter_ctx);
        if (i < stop) {
            threshold = pkn_top_k_compact(top, indices, &found);
            or_equal_end = 0;
        }
    }
    if (found > top->k + top->k / 2) {
        pkn_top_k_compact(top, indices, &found);
    }
    return found;
}

PKN_INTERNAL int pkn_top_k_range(size_t begin, size_t end, void *ctx) {
    pkn_top_k *top = (pkn_top_k *)ctx;
    size_t last = pkn_unit_count(end, top->leaf_len);
    for (size_t leaf = pkn_unit_count(begin, top->leaf_len); leaf < last; leaf++) {
        size_t first = leaf * top->leaf_len;
        size_t len = pkn_min_size(top->leaf_len, top->n - first);
        top->counts[leaf] =
            pkn_top_k_leaf(top, first, first + len, top->buffers + leaf * top->capacity);
    }
    return 0;
}

/* Takes the starting threshold from a sample, where that pays. About mean = k / n * n_samples of
   the samples are among the best k, with a standard deviation of sqrt(mean); more than rank of
   them, four deviations and two above, less than once in 10^4 calls. */
PKN_INTERNAL void pkn_top_k_sample(pkn_top_k *top) {
    size_t n_samples = pkn_sample_count(top->n);
    size_t mean = top->k / pkn_max_size(top->n / n_samples, 1) + 1;
    size_t rank = mean + 4 * pkn_root_size(mean) + 2;
    top->has_threshold = top->n_leaves > 1 && n_samples <= top->n / 16 && rank < n_samples / 4;
    if (top->has_threshold) {
        for (size_t i = 0; i < n_samples; i++) {
            top->buffers[i] = pkn_sample_at(i, top->n / n_samples);
        }
        pkn_index_select(&top->order, top->buffers, n_samples, rank);
        top->threshold = top->buffers[rank];
    }
}

/* Sorts n indices of from by merging runs; the result is in to. */
PKN_INTERNAL void pkn_top_k_sort(pkn_index_order *order, size_t *from, size_t *to, size_t n) {
    size_t *source = from;
    size_t *target = to;
    for (size_t first = 0; first < n; first += PKN_TOP_K_RUN) {
        pkn_insertion_sort((unsigned char *)(from + first), pkn_min_size(PKN_TOP_K_RUN, n - first),
                           sizeof *from, pkn_index_compare, order);
    }
    for (size_t width = PKN_TOP_K_RUN; width < n; width *= 2) {
        size_t *merged = target;
        for (size_t first = 0; first < n; first += 2 * width) {
            size_t left = first;
            size_t middle = first + pkn_min_size(width, n - first);
            size_t right = middle;
            size_t end = middle + pkn_min_size(width, n - middle);
            for (size_t i = first; i < end; i++) {
                int take_left =
                    right == end ||
                    (left < middle && pkn_index_compare(source + left, source + right, order) < 0);
                target[i] = take_left ? source[left++] : source[right++];
            }
        }
        target = source;
        source = merged;
    }
    if (source != to) {
        memcpy(to, source, n * sizeof *to);
    }
}

/* Runs the leaves and moves what they kept to the front of the buffers; returns how many. */
PKN_INTERNAL size_t pkn_top_k_leaves(pkern_pool *pool, pkn_top_k *top) {
    size_t total = 0;
    if (top->n_leaves == 1) {
        pkn_top_k_range(0, top->n, top);
    } else {
        /* Can't fail: the body doesn't and nobody can cancel it. */
        (void)pkn_units_run(pool, top->n, top->leaf_len, 0, pkn_top_k_range, top,
                            (size_t)top->order.compare + (size_t)top->filter);
    }
    for (size_t leaf = 0; leaf < top->n_leaves; leaf++) {
        memmove(top->buffers + total, top->buffers + leaf * top->capacity,
                top->counts[leaf] * sizeof *top->buffers);
        total += top->counts[leaf];
    }
    return total;
}

PKN_INTERNAL void pkn_top_k_run(pkern_pool *pool, pkn_top_k *top, size_t *out_indices) {
    size_t found;
    pkn_top_k_sample(top);
    found = pkn_top_k_leaves(pool, top);
    if (found < top->k) {
        top->has_threshold = 0;
        found = pkn_top_k_leaves(pool, top);
    }
    if (found > top->k) {
        pkn_index_select(&top->order, top->buffers, found, top->k - 1);
    }
    pkn_top_k_sort(&top->order, top->buffers, out_indices, top->k);
}

/* leaf_len, n_leaves and capacity follow from n and k alone. Returns the words of scratch, 0 where
   they don't fit. */
PKN_INTERNAL size_t pkn_top_k_cut(pkn_top_k *top) {
    size_t words;
    size_t bytes;
    top->leaf_len = top->n;
    top->n_leaves = 1;
    if (top->k <= top->n / 8) {
        top->leaf_len = pkn_max_size(pkn_unit_count(top->n, PKN_TOP_K_LEAVES),
                                     pkn_max_size(PKN_TOP_K_MIN_LEAF, 8 * top->k));
        top->leaf_len = pkn_min_size(top->leaf_len, top->n);
        top->n_leaves = pkn_unit_count(top->n, top->leaf_len);
    }
    /* A whole leaf and the 16 words that a filter may count on, where that is less. */
    top->capacity = top->k > top->leaf_len / 2 ? top->leaf_len : 2 * top->k;
    if (pkn_add_overflows_size(top->capacity, PKN_TOP_K_ROOM, &top->capacity) ||
        pkn_add_overflows_size(top->capacity, 1, &words) ||
        pkn_mul_overflows_size(words, top->n_leaves, &words) ||
        pkn_mul_overflows_size(words, sizeof(size_t), &bytes)) {
        return 0;
    }
    return top->n_leaves > 1 ? pkn_max_size(words, pkn_sample_count(top->n)) : words;
}

PKN_INTERNAL pkern_status pkn_top_k_check(const pkn_top_k *top, size_t k,
                                          const size_t *out_indices) {
    size_t bytes;
    size_t out_bytes;
    if (top->order.size == 0 || top->order.compare == 0 || top->filter == 0 ||
        (top->n > 0 && top->order.base == 0) || (k > 0 && out_indices == 0)) {
        return PKERN_EINVAL;
    }
    if (pkn_mul_overflows_size(top->n, top->order.size, &bytes) ||
        pkn_mul_overflows_size(k, sizeof *out_indices, &out_bytes)) {
        return PKERN_EOVERFLOW;
    }
    return pkn_overlaps(top->order.base, bytes, out_indices, out_bytes) ? PKERN_EINVAL : PKERN_OK;
}

/* top has its order, filter, filter_ctx and n. */
PKN_INTERNAL pkern_status pkn_top_k_start(pkern_pool *pool, pkn_top_k *top, size_t k,
                                          size_t *out_indices) {
    size_t local[PKN_TOP_K_LOCAL_WORDS];
    size_t words;
    const pkern_allocator *allocator = 0;
    pkern_status status = pkn_top_k_check(top, k, out_indices);
    if (status != PKERN_OK) {
        return status;
    }
    top->k = pkn_min_size(k, top->n);
    if (top->k > 0) {
        words = pkn_top_k_cut(top);
        if (words == 0) {
            return PKERN_EOVERFLOW;
        }
        top->buffers = local;
        if (words > PKN_TOP_K_LOCAL_WORDS) {
            allocator = pkn_pool_allocator(pool);
            top->buffers =
                (size_t *)pkn_allocate(allocator, words * sizeof(size_t), PKN_CACHE_LINE);
            if (top->buffers == 0) {
                return PKERN_ENOMEM;
            }
        }
        top->counts = top->buffers + top->n_leaves * top->capacity;
        pkn_top_k_run(pool, top, out_indices);
        if (top->buffers != local) {
            pkn_release(allocator, top->buffers, words * sizeof(size_t));
        }
    }
    for (size_t i = top->k; i < k; i++) {
        out_indices[i] = SIZE_MAX;
    }
    return PKERN_OK;
}

PKERN_API pkern_status pkern_par_top_k_filter(pkern_pool *pool, const void *base, size_t n,
                                              size_t size, size_t k, pkern_compare_fn compare,
                                              pkern_filter_fn filter, void *ctx,
                                              size_t *out_indices) {
    pkn_top_k top;
    top.order.base = (const unsigned char *)base;
    top.order.size = size;
    top.order.compare = compare;
    top.order.ctx = ctx;
    top.filter = filter;
    top.filter_ctx = ctx;
    top.n = n;
    return pkn_top_k_start(pool, &top, k, out_indices);
}

PKERN_API pkern_status pkern_par_top_k(pkern_pool *pool, const void *base, size_t n, size_t size,
                                       size_t k, pkern_compare_fn compare, void *ctx,
                                       size_t *out_indices) {
    pkn_top_k top;
    top.order.base = (const unsigned char *)base;
    top.order.size = size;
    top.order.compare = compare;
    top.order.ctx = ctx;
    top.filter = pkn_top_k_filter;
    top.filter_ctx = &top.order;
    top.n = n;
    return pkn_top_k_start(pool, &top, k, out_indices);
}

#endif

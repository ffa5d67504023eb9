/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Macros that define a map, reduction or selection for given types, with the user's code inlined
   into the loop. A call through a pointer for each item costs about 2 ns and keeps the compiler
   from using vectors; these loops have none.

   Each macro defines one static function called name (and helpers called name_...); use it at file
   scope, with no semicolon after it. Types must be copyable by assignment. Expressions are pasted
   in as they are: a comma in them must stand inside parentheses, and more than a line of code is
   better off in a function of its own. Arguments are checked and statuses returned as by the
   function of par.h with the same name. */
#ifndef PKN_PAR_TYPED_H
#define PKN_PAR_TYPED_H

#include "base/bits.h"
#include "par/par.h"
#include "par/introselect.h"

/* The leaf of a typed reduction where the options leave min_len at 0: 256 items of 1 ns are about
   20 times the leaf's calls. */
#define PKN_TYPED_MIN_LEN 256
/* Elements that a typed filter looks at before its first branch. */
#define PKN_TYPED_FILTER_BLOCK 16

PKN_INLINE pkern_status pkn_map_check(const void *in, size_t in_size, const void *out,
                                      size_t out_size, size_t n) {
    size_t in_bytes;
    size_t out_bytes;
    if (PKN_UNLIKELY(in_size == 0 || out_size == 0 || ((in == 0 || out == 0) && n > 0))) {
        return PKERN_EINVAL;
    }
    if (PKN_UNLIKELY(pkn_mul_overflows_size(n, in_size, &in_bytes) ||
                     pkn_mul_overflows_size(n, out_size, &out_bytes))) {
        return PKERN_EOVERFLOW;
    }
    return PKN_UNLIKELY(pkn_overlaps(in, in_bytes, out, out_bytes)) &&
                   (in != out || in_size != out_size)
               ? PKERN_EINVAL
               : PKERN_OK;
}

PKN_INLINE pkern_status pkn_typed_reduce(pkern_pool *pool, const void *in, size_t in_size, size_t n,
                                         const pkern_par_options *options,
                                         const pkern_reducer *reducer, void *result) {
    pkern_par_options typed_options;
    size_t bytes;
    if (n > 0 && in == 0) {
        return PKERN_EINVAL;
    }
    if (pkn_mul_overflows_size(n, in_size, &bytes)) {
        return PKERN_EOVERFLOW;
    }
    memset(&typed_options, 0, sizeof typed_options);
    if (options != 0) {
        typed_options = *options;
    }
    if (typed_options.min_len == 0) {
        typed_options.min_len = PKN_TYPED_MIN_LEN;
        if (typed_options.max_len != 0) {
            typed_options.min_len = pkn_min_size(PKN_TYPED_MIN_LEN, typed_options.max_len);
        }
    }
    return pkern_par_reduce(pool, 0, n, &typed_options, reducer, result);
}

/* Defines
       pkern_status name(pkern_pool *pool, const in_type *in, out_type *out, size_t n,
                         const pkern_par_options *options)
   that sets out[i] to expression, in which x is in[i]. Equals
       for (i = 0; i < n; i++) { const in_type x = in[i]; out[i] = expression; }
   out == in is allowed where both types have one size. For example
       PKERN_DEFINE_MAP(celsius, float, float, (x - 32.0f) * (5.0f / 9.0f))
       status = celsius(0, readings, readings, n, 0); */
#define PKERN_DEFINE_MAP(name, in_type, out_type, expression) \
    typedef struct name##_arrays { \
        const in_type *in; \
        out_type *out; \
    } name##_arrays; \
    PKN_INLINE int name##_range(size_t pkn_begin, size_t pkn_end, void *pkn_ctx) { \
        const in_type *pkn_in = ((const name##_arrays *)pkn_ctx)->in; \
        out_type *pkn_out = ((const name##_arrays *)pkn_ctx)->out; \
        for (size_t pkn_i = pkn_begin; pkn_i < pkn_end; pkn_i++) { \
            const in_type x = pkn_in[pkn_i]; \
            pkn_out[pkn_i] = (expression); \
        } \
        return 0; \
    } \
    PKN_INLINE pkern_status name(pkern_pool *pool, const in_type *in, out_type *out, size_t n, \
                                 const pkern_par_options *options) { \
        name##_arrays pkn_arrays; \
        pkern_status pkn_status = pkn_map_check(in, sizeof(in_type), out, sizeof(out_type), n); \
        if (pkn_status != PKERN_OK) { \
            return pkn_status; \
        } \
        pkn_arrays.in = in; \
        pkn_arrays.out = out; \
        return pkern_par_for(pool, 0, n, options, name##_range, &pkn_arrays); \
    }

/* Defines
       pkern_status name(pkern_pool *pool, const in_type *in, size_t n,
                         const pkern_par_options *options, acc_type *result)
   that combines the mapped elements. map_expression makes an acc_type of x = in[i];
   combine_expression makes one of a and b, where a stands left of b; identity_value is an
   expression that combine changes nothing with. Equals
       acc = identity_value;
       for (i = 0; i < n; i++) { a = acc; x = in[i]; b = map_expression; acc = combine_expression; }
   for an associative combine_expression, which need not be commutative.
   Deterministic as pkern_par_reduce, with leaves of at least 256 elements where min_len is 0.
   Within a leaf four quarters run side by side, which hides the latency of combine; they are
   combined in order, and the cuts are fixed as well. For example
       PKERN_DEFINE_REDUCE(sum_of_squares, double, double, 0.0, x * x, a + b)
       status = sum_of_squares(0, samples, n, 0, &energy); */
#define PKERN_DEFINE_REDUCE(name, in_type, acc_type, identity_value, map_expression, \
                            combine_expression) \
    typedef struct name##_array { \
        const in_type *in; \
    } name##_array; \
    PKN_ALWAYS_INLINE acc_type name##_of(const in_type x) { \
        return (map_expression); \
    } \
    PKN_ALWAYS_INLINE acc_type name##_join(const acc_type a, const acc_type b) { \
        return (combine_expression); \
    } \
    PKN_INLINE void name##_identity(void *pkn_acc, void *pkn_ctx) { \
        PKN_UNUSED(pkn_ctx); \
        *(acc_type *)pkn_acc = (identity_value); \
    } \
    PKN_INLINE int name##_fold(void *pkn_acc, size_t pkn_begin, size_t pkn_end, void *pkn_ctx) { \
        const in_type *pkn_in = ((const name##_array *)pkn_ctx)->in; \
        const size_t pkn_quarter = (pkn_end - pkn_begin) / 4; \
        acc_type pkn_0 = *(acc_type *)pkn_acc; \
        acc_type pkn_1 = (identity_value); \
        acc_type pkn_2 = pkn_1; \
        acc_type pkn_3 = pkn_1; \
        for (size_t pkn_i = pkn_begin; pkn_i < pkn_begin + pkn_quarter; pkn_i++) { \
            pkn_0 = name##_join(pkn_0, name##_of(pkn_in[pkn_i])); \
            pkn_1 = name##_join(pkn_1, name##_of(pkn_in[pkn_i + pkn_quarter])); \
            pkn_2 = name##_join(pkn_2, name##_of(pkn_in[pkn_i + 2 * pkn_quarter])); \
            pkn_3 = name##_join(pkn_3, name##_of(pkn_in[pkn_i + 3 * pkn_quarter])); \
        } \
        for (size_t pkn_i = pkn_begin + 4 * pkn_quarter; pkn_i < pkn_end; pkn_i++) { \
            pkn_3 = name##_join(pkn_3, name##_of(pkn_in[pkn_i])); \
        } \
        *(acc_type *)pkn_acc = name##_join(name##_join(pkn_0, pkn_1), name##_join(pkn_2, pkn_3)); \
        return 0; \
    } \
    PKN_INLINE void name##_combine(void *pkn_acc, const void *pkn_right, void *pkn_ctx) { \
        PKN_UNUSED(pkn_ctx); \
        *(acc_type *)pkn_acc = \
            name##_join(*(const acc_type *)pkn_acc, *(const acc_type *)pkn_right); \
    } \
    PKN_DEFINE_TYPED_REDUCE(name, in_type, acc_type)

/* Defines
       pkern_status name(pkern_pool *pool, const in_type *in, size_t n,
                         const pkern_par_options *options, acc_type *result)
   that folds elements into accumulators. fold_statement takes x = in[i] into acc; combine_statement
   takes right into acc, which stands left of it; both may change acc, an lvalue of acc_type. Equals
       acc = identity_value; for (i = 0; i < n; i++) { x = in[i]; fold_statement; }
   where combining is associative and agrees with folding. Bit for bit what pkern_par_reduce makes
   of the same loop, with leaves of at least 256 elements where min_len is 0. For example
       typedef struct { float low, high; } bounds;
       static const bounds nowhere = {INFINITY, -INFINITY};
       PKERN_DEFINE_FOLD(bounds_of, float, bounds, nowhere,
                         if (x < acc.low) acc.low = x; if (x > acc.high) acc.high = x,
                         if (right.low < acc.low) acc.low = right.low;
                         if (right.high > acc.high) acc.high = right.high) */
#define PKERN_DEFINE_FOLD(name, in_type, acc_type, identity_value, fold_statement, \
                          combine_statement) \
    typedef struct name##_array { \
        const in_type *in; \
    } name##_array; \
    PKN_INLINE void name##_identity(void *pkn_acc, void *pkn_ctx) { \
        PKN_UNUSED(pkn_ctx); \
        *(acc_type *)pkn_acc = (identity_value); \
    } \
    PKN_INLINE int name##_fold(void *pkn_acc, size_t pkn_begin, size_t pkn_end, void *pkn_ctx) { \
        const in_type *pkn_in = ((const name##_array *)pkn_ctx)->in; \
        acc_type acc = *(const acc_type *)pkn_acc; \
        for (size_t pkn_i = pkn_begin; pkn_i < pkn_end; pkn_i++) { \
            const in_type x = pkn_in[pkn_i]; \
            fold_statement; \
        } \
        *(acc_type *)pkn_acc = acc; \
        return 0; \
    } \
    PKN_INLINE void name##_combine(void *pkn_acc, const void *pkn_right, void *pkn_ctx) { \
        const acc_type right = *(const acc_type *)pkn_right; \
        acc_type acc = *(const acc_type *)pkn_acc; \
        PKN_UNUSED(pkn_ctx); \
        combine_statement; \
        *(acc_type *)pkn_acc = acc; \
    } \
    PKN_DEFINE_TYPED_REDUCE(name, in_type, acc_type)

#define PKN_DEFINE_TYPED_REDUCE(name, in_type, acc_type) \
    PKN_INLINE pkern_status name(pkern_pool *pool, const in_type *in, size_t n, \
                                 const pkern_par_options *options, acc_type *result) { \
        name##_array pkn_array; \
        pkern_reducer pkn_reducer; \
        pkn_array.in = in; \
        pkn_reducer.size = sizeof(acc_type); \
        pkn_reducer.identity = name##_identity; \
        pkn_reducer.fold = name##_fold; \
        pkn_reducer.combine = name##_combine; \
        pkn_reducer.ctx = &pkn_array; \
        return pkn_typed_reduce(pool, in, sizeof(in_type), n, options, &pkn_reducer, result); \
    }

/* Defines
       pkern_status name(type *base, size_t n, size_t nth)
   as pkern_select_nth with less(a, b), a function or macro of two values: nonzero where a comes
   before b. For example
       #define DOUBLE_LESS(a, b) ((a) < (b))
       PKERN_DEFINE_SELECT_NTH(select_double, double, DOUBLE_LESS)
       status = select_double(samples, n, n / 2);   median: samples[n / 2] */
#define PKERN_DEFINE_SELECT_NTH(name, type, less) \
    PKN_ALWAYS_INLINE int name##_compare(const void *pkn_a, const void *pkn_b, void *pkn_ctx) { \
        type pkn_left; \
        type pkn_right; \
        memcpy(&pkn_left, pkn_a, sizeof pkn_left); \
        memcpy(&pkn_right, pkn_b, sizeof pkn_right); \
        PKN_UNUSED(pkn_ctx); \
        return -(int)!!(less(pkn_left, pkn_right)); \
    } \
    PKN_INLINE pkern_status name(type *base, size_t n, size_t nth) { \
        if (base == 0 || nth >= n) { \
            return PKERN_EINVAL; \
        } \
        if (n > SIZE_MAX / sizeof(type)) { \
            return PKERN_EOVERFLOW; \
        } \
        pkn_introselect((unsigned char *)base, n, sizeof(type), nth, name##_compare, 0); \
        return PKERN_OK; \
    }

/* Defines
       pkern_status name(pkern_pool *pool, const type *base, size_t n, size_t k, size_t *out_indices)
   as pkern_par_top_k with less(a, b), a function or macro of two values: nonzero where a comes
   before b. For the largest first, let less say greater. For example
       #define SCORE_BETTER(a, b) ((a) > (b))
       PKERN_DEFINE_TOP_K(best_scores, float, SCORE_BETTER)
       status = best_scores(0, scores, n, 10, indices); */
#define PKERN_DEFINE_TOP_K(name, type, less) \
    PKN_INLINE int name##_compare(const void *pkn_a, const void *pkn_b, void *pkn_ctx) { \
        const type pkn_left = *(const type *)pkn_a; \
        const type pkn_right = *(const type *)pkn_b; \
        PKN_UNUSED(pkn_ctx); \
        return (less(pkn_left, pkn_right)) ? -1 : !!(less(pkn_right, pkn_left)); \
    } \
    PKN_ALWAYS_INLINE int name##_passes(const type pkn_x, const type pkn_threshold, \
                                        int pkn_or_equal) { \
        return pkn_or_equal ? !(less(pkn_threshold, pkn_x)) : !!(less(pkn_x, pkn_threshold)); \
    } \
    PKN_ALWAYS_INLINE size_t name##_scan( \
        const type *pkn_base, size_t pkn_i, size_t pkn_end, const type pkn_threshold, \
        int pkn_or_equal, size_t *pkn_indices, size_t *pkn_n, size_t pkn_capacity) { \
        size_t pkn_found = *pkn_n; \
        while (pkn_end - pkn_i >= PKN_TYPED_FILTER_BLOCK && \
               pkn_capacity - pkn_found >= PKN_TYPED_FILTER_BLOCK) { \
            int pkn_any = 0; \
            for (size_t pkn_j = 0; pkn_j < PKN_TYPED_FILTER_BLOCK; pkn_j++) { \
                pkn_any |= name##_passes(pkn_base[pkn_i + pkn_j], pkn_threshold, pkn_or_equal); \
            } \
            for (size_t pkn_j = 0; pkn_any && pkn_j < PKN_TYPED_FILTER_BLOCK; pkn_j++) { \
                pkn_indices[pkn_found] = pkn_i + pkn_j; \
                pkn_found += \
                    (size_t)name##_passes(pkn_base[pkn_i + pkn_j], pkn_threshold, pkn_or_equal); \
            } \
            pkn_i += PKN_TYPED_FILTER_BLOCK; \
        } \
        for (; pkn_i < pkn_end && pkn_found < pkn_capacity; pkn_i++) { \
            pkn_indices[pkn_found] = pkn_i; \
            pkn_found += (size_t)name##_passes(pkn_base[pkn_i], pkn_threshold, pkn_or_equal); \
        } \
        *pkn_n = pkn_found; \
        return pkn_i; \
    } \
    PKN_INLINE size_t name##_filter(const void *pkn_base, size_t pkn_begin, size_t pkn_end, \
                                    const void *pkn_threshold, int pkn_or_equal, \
                                    size_t *pkn_indices, size_t *pkn_n, size_t pkn_capacity, \
                                    void *pkn_ctx) { \
        PKN_UNUSED(pkn_ctx); \
        if (pkn_threshold == 0) { \
            return pkn_filter_all(pkn_begin, pkn_end, pkn_indices, pkn_n, pkn_capacity); \
        } \
        if (pkn_or_equal) { \
            return name##_scan((const type *)pkn_base, pkn_begin, pkn_end, \
                               *(const type *)pkn_threshold, 1, pkn_indices, pkn_n, pkn_capacity); \
        } \
        return name##_scan((const type *)pkn_base, pkn_begin, pkn_end, \
                           *(const type *)pkn_threshold, 0, pkn_indices, pkn_n, pkn_capacity); \
    } \
    PKN_INLINE pkern_status name(pkern_pool *pool, const type *base, size_t n, size_t k, \
                                 size_t *out_indices) { \
        return pkern_par_top_k_filter(pool, base, n, sizeof(type), k, name##_compare, \
                                      name##_filter, 0, out_indices); \
    }

/* The filter without a threshold. */
PKN_INLINE size_t pkn_filter_all(size_t begin, size_t end, size_t *indices, size_t *n_indices,
                                 size_t capacity) {
    size_t stop = begin + pkn_min_size(end - begin, capacity - *n_indices);
    for (size_t i = begin; i < stop; i++) {
        indices[(*n_indices)++] = i;
    }
    return stop;
}

#endif

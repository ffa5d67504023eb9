/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "test.h"
#include "par_tools.h"

/* A sum of floats: the grouping shows in its bits. */
static void reduce_zero(void *acc, void *ctx) {
    PKN_UNUSED(ctx);
    *(float *)acc = 0.0f;
}

static int reduce_add_items(void *acc, size_t begin, size_t end, void *ctx) {
    const float *values = (const float *)ctx;
    float sum = *(float *)acc;
    for (size_t i = begin; i < end; i++) {
        sum += values[i];
    }
    *(float *)acc = sum;
    return 0;
}

static void reduce_add(void *acc, const void *right, void *ctx) {
    PKN_UNUSED(ctx);
    *(float *)acc += *(const float *)right;
}

/* The documented tree, recursively. */
static float reduce_oracle(const float *values, size_t n, size_t leaf_len, size_t leaf,
                           size_t n_leaves) {
    size_t half = 1;
    if (n_leaves == 1) {
        float sum = 0.0f;
        for (size_t i = leaf * leaf_len; i < n && i < (leaf + 1) * leaf_len; i++) {
            sum += values[i];
        }
        return sum;
    }
    while (2 * half < n_leaves) {
        half *= 2;
    }
    return reduce_oracle(values, n, leaf_len, leaf, half) +
           reduce_oracle(values, n, leaf_len, leaf + half, n_leaves - half);
}

Test(par_reduce, has_the_documented_bits_at_any_thread_count) {
    static float values[70001];
    static const size_t sizes[] = {1, 2, 3, 511, 512, 513, 1025, 8191, 70001};
    static const size_t mins[] = {0, 0, 5, 1000, 0, 100000};
    static const size_t maxs[] = {0, 1, 9, 0, 64, 0};
    for (size_t i = 0; i < PAR_COUNT(values); i++) {
        values[i] = (float)par_random(i, 1000000) * 1e-3f - 300.0f;
    }
    for (size_t s = 0; s < PAR_COUNT(sizes); s++) {
        for (size_t o = 0; o < PAR_COUNT(mins); o++) {
            size_t n = sizes[s];
            size_t leaf_len = (n + 511) / 512;
            float expected;
            leaf_len = leaf_len < mins[o] ? mins[o] : leaf_len;
            leaf_len = maxs[o] != 0 && leaf_len > maxs[o] ? maxs[o] : leaf_len;
            expected = reduce_oracle(values, n, leaf_len, 0, (n + leaf_len - 1) / leaf_len);
            for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
                pkern_pool *pool = par_pool(par_threads[t]);
                pkern_reducer reducer = {sizeof(float), reduce_zero, reduce_add_items, reduce_add,
                                         values};
                pkern_par_options options;
                float result = -1.0f;
                memset(&options, 0, sizeof options);
                options.min_len = mins[o];
                options.max_len = maxs[o];
                options.item_cost_ns = (double)t * 10.0;
                cr_assert_eq(pkern_par_reduce(pool, 0, n, &options, &reducer, &result), PKERN_OK);
                cr_assert_arr_eq(&result, &expected, sizeof result,
                                 "n %zu, options %zu, %d threads", n, o, par_threads[t]);
                cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
            }
        }
    }
}

/* An interval [begin, end): combine is not commutative and notices every misplaced or missing part.
   The rest of the accumulator is there for its size. */
typedef struct reduce_span {
    size_t begin;
    size_t end;
    int broken;
} reduce_span;

typedef struct reduce_spans {
    size_t size;
    size_t fail_from;
    par_heap *heap;
} reduce_spans;

static void reduce_no_span(void *acc, void *ctx) {
    memset(acc, 0x5a, ((const reduce_spans *)ctx)->size);
    memset(acc, 0, sizeof(reduce_span));
}

static int reduce_extend(void *acc, size_t begin, size_t end, void *ctx) {
    const reduce_spans *spans = (const reduce_spans *)ctx;
    reduce_span *span = (reduce_span *)acc;
    span->broken |= span->begin != span->end || begin >= end;
    span->begin = begin;
    span->end = end;
    if (end > spans->fail_from) {
        return begin > spans->fail_from ? (int)(begin + 1) : (int)(spans->fail_from + 1);
    }
    return 0;
}

static void reduce_join(void *acc, const void *right, void *ctx) {
    size_t size = ((const reduce_spans *)ctx)->size;
    reduce_span *span = (reduce_span *)acc;
    const reduce_span *next = (const reduce_span *)right;
    span->broken |= next->broken || span->end != next->begin;
    span->end = next->end;
    if (size > sizeof *span) {
        span->broken |= ((unsigned char *)acc)[size - 1] != 0x5a ||
                        ((const unsigned char *)right)[size - 1] != 0x5a;
    }
}

Test(par_reduce, takes_accumulators_of_any_size_in_index_order) {
    static const size_t sizes[] = {24, 64, 72, 1000, 100000};
    static const size_t lengths[] = {0, 1, 2, 500, 4099};
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        for (size_t s = 0; s < PAR_COUNT(sizes); s++) {
            reduce_span *result = (reduce_span *)malloc(sizes[s]);
            for (size_t l = 0; l < PAR_COUNT(lengths); l++) {
                reduce_spans spans = {sizes[s], SIZE_MAX, 0};
                pkern_reducer reducer = {sizes[s], reduce_no_span, reduce_extend, reduce_join,
                                         &spans};
                pkern_par_options options;
                memset(&options, 0, sizeof options);
                options.max_len = 3;
                cr_assert_eq(pkern_par_reduce(pool, 7, 7 + lengths[l], &options, &reducer, result),
                             PKERN_OK);
                cr_assert_eq(result->broken, 0);
                cr_assert_eq(result->begin, lengths[l] ? 7 : 0);
                cr_assert_eq(result->end, lengths[l] ? 7 + lengths[l] : 0);
                cr_assert(sizes[s] == sizeof *result ||
                          ((unsigned char *)result)[sizes[s] - 1] == 0x5a);
            }
            free(result);
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

Test(par_reduce, returns_the_lowest_failure_and_leaves_the_result) {
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        for (size_t fail_from = 0; fail_from < 5000; fail_from = fail_from * 3 + 1) {
            reduce_spans spans = {sizeof(reduce_span), fail_from, 0};
            pkern_reducer reducer = {sizeof(reduce_span), reduce_no_span, reduce_extend,
                                     reduce_join, &spans};
            pkern_par_options options;
            reduce_span result = {1, 2, 3};
            memset(&options, 0, sizeof options);
            options.max_len = 4;
            cr_assert_eq(pkern_par_reduce(pool, 0, 5000, &options, &reducer, &result),
                         (int)fail_from + 1);
            cr_assert(result.begin == 1 && result.end == 2 && result.broken == 3);
        }
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

static int reduce_arm(void *acc, size_t begin, size_t end, void *ctx) {
    reduce_spans *spans = (reduce_spans *)ctx;
    return spans->heap->armed ? reduce_extend(acc, begin, end, ctx) : 99;
}

Test(par_reduce, failed_allocation_is_a_status_and_leaks_nothing) {
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        par_heap heap;
        pkern_allocator allocator = par_heap_allocator(&heap);
        pkern_pool *pool = par_pool_with(par_threads[t], &allocator);
        reduce_spans spans = {40000, SIZE_MAX, &heap};
        pkern_reducer reducer = {40000, reduce_no_span, reduce_arm, reduce_join, &spans};
        unsigned char *result = (unsigned char *)malloc(40000);
        memset(result, 1, 40000);
        heap.armed = 1;
        cr_assert_eq(pkern_par_reduce(pool, 0, 1000, 0, &reducer, result), PKERN_ENOMEM);
        for (size_t i = 0; i < 40000; i++) {
            cr_assert_eq(result[i], 1);
        }
        /* small accumulators need no memory */
        reducer.size = spans.size = sizeof(reduce_span) - 8;
        reducer.fold = reduce_add_items;
        reducer.size = sizeof(float);
        reducer.identity = reduce_zero;
        reducer.combine = reduce_add;
        reducer.ctx = calloc(1000, sizeof(float));
        cr_assert_eq(pkern_par_reduce(pool, 0, 1000, 0, &reducer, result), PKERN_OK);
        free(reducer.ctx);
        heap.armed = 0;
        free(result);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
        cr_assert_eq(heap.live, 0);
        cr_assert_gt(heap.refused, 0);
    }
}

Test(par_reduce, R42_bad_arguments_run_nothing) {
    float result = 5.0f;
    pkern_reducer good = {sizeof(float), reduce_zero, reduce_add_items, reduce_add, 0};
    pkern_reducer bad = good;
    pkern_par_options options;
    memset(&options, 0, sizeof options);
    options.min_len = 9;
    options.max_len = 8;
    cr_assert_eq(pkern_par_reduce(0, 2, 1, 0, &good, &result), PKERN_EINVAL);
    cr_assert_eq(pkern_par_reduce(0, 0, 1, &options, &good, &result), PKERN_EINVAL);
    cr_assert_eq(pkern_par_reduce(0, 0, 1, 0, 0, &result), PKERN_EINVAL);
    cr_assert_eq(pkern_par_reduce(0, 0, 1, 0, &good, 0), PKERN_EINVAL);
    bad.size = 0;
    cr_assert_eq(pkern_par_reduce(0, 0, 1, 0, &bad, &result), PKERN_EINVAL);
    bad = good;
    bad.identity = 0;
    cr_assert_eq(pkern_par_reduce(0, 0, 1, 0, &bad, &result), PKERN_EINVAL);
    bad = good;
    bad.fold = 0;
    cr_assert_eq(pkern_par_reduce(0, 0, 1, 0, &bad, &result), PKERN_EINVAL);
    bad = good;
    bad.combine = 0;
    cr_assert_eq(pkern_par_reduce(0, 0, 1, 0, &bad, &result), PKERN_EINVAL);
    bad = good;
    bad.size = SIZE_MAX / 2;
    cr_assert_eq(pkern_par_reduce(0, 0, 100, 0, &bad, &result), PKERN_EOVERFLOW);
    cr_assert_float_eq(result, 5.0f, 0.0f);
}

Test(par_reduce, a_requested_cancel_leaves_the_result) {
    reduce_spans spans = {sizeof(reduce_span), SIZE_MAX, 0};
    pkern_reducer reducer = {sizeof(reduce_span), reduce_no_span, reduce_extend, reduce_join,
                             &spans};
    pkern_cancel cancel;
    pkern_par_options options;
    reduce_span result = {1, 2, 3};
    memset(&cancel, 0, sizeof cancel);
    memset(&options, 0, sizeof options);
    options.cancel = &cancel;
    pkern_cancel_request(&cancel);
    cr_assert_eq(pkern_par_reduce(0, 0, 5000, &options, &reducer, &result), PKERN_ECANCELED);
    cr_assert(result.begin == 1 && result.end == 2 && result.broken == 3);
}

static int reduce_report(size_t done, size_t total, void *user) {
    size_t *last = (size_t *)user;
    *last = total == 5003 && done >= *last && done <= total ? done : SIZE_MAX;
    return 0;
}

Test(par_reduce, progress_counts_items) {
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        reduce_spans spans = {sizeof(reduce_span), SIZE_MAX, 0};
        pkern_reducer reducer = {sizeof(reduce_span), reduce_no_span, reduce_extend, reduce_join,
                                 &spans};
        pkern_par_options options;
        reduce_span result;
        size_t last = 0;
        memset(&options, 0, sizeof options);
        options.progress = reduce_report;
        options.progress_user = &last;
        cr_assert_eq(pkern_par_reduce(pool, 0, 5003, &options, &reducer, &result), PKERN_OK);
        cr_assert_eq(last, 5003);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

static int reduce_nested(void *acc, size_t begin, size_t end, void *ctx) {
    const float *values = (const float *)ctx;
    for (size_t i = begin; i < end; i++) {
        pkern_reducer reducer = {sizeof(float), reduce_zero, reduce_add_items, reduce_add, 0};
        float inner = 0.0f;
        reducer.ctx = ctx;
        if (pkern_par_reduce(0, 0, 1000, 0, &reducer, &inner) != PKERN_OK) {
            return 1;
        }
        *(float *)acc += inner * values[i];
    }
    return 0;
}

Test(par_reduce, nests) {
    static float values[1000];
    float expected = 0.0f;
    for (size_t i = 0; i < 1000; i++) {
        values[i] = (float)par_random(i, 1000) - 500.0f;
    }
    for (size_t t = 0; t < PAR_COUNT(par_threads); t++) {
        pkern_pool *pool = par_pool(par_threads[t]);
        pkern_reducer reducer = {sizeof(float), reduce_zero, reduce_nested, reduce_add, values};
        float result = 0.0f;
        cr_assert_eq(pkern_par_reduce(pool, 0, 200, 0, &reducer, &result), PKERN_OK);
        if (t == 0) {
            expected = result;
        }
        cr_assert_arr_eq(&result, &expected, sizeof result);
        cr_assert_eq(pkern_pool_destroy(pool), PKERN_OK);
    }
}

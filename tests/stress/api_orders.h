/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Random selections, against a sort of the same elements. */
#ifndef PKN_TESTS_API_ORDERS_H
#define PKN_TESTS_API_ORDERS_H

#include "api_world.h"

/* A key in front, the index behind where there is room; 4, 8, 12 or 16 bytes. */
typedef struct element {
    uint32_t key, index, fill[2];
} element;

static int compare_keys(const void *a, const void *b, void *ctx) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    (void)ctx;
    return (x > y) - (x < y);
}

static int sort_elements(const void *a, const void *b) {
    const element *x = (const element *)a, *y = (const element *)b;
    int            order = compare_keys(&x->key, &y->key, 0);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static PKN_NOINLINE void call_select(stream *s, place *at) {
    size_t   n = draw_size(s, 3000), size = 4 * (1 + (size_t)draw(s, 4)), nth = (size_t)draw(s, n + 1);
    uint64_t keys = chance(s, 3) ? 5 : 1u << 30, sum = 0;
    element *sorted = (element *)get_memory(n * sizeof *sorted);
    char    *base = (char *)get_memory(n * size);
    for (size_t i = 0; i < n; i++) {
        sorted[i].key = (uint32_t)(pkn_random_at(at->path, i) % keys);
        sorted[i].index = (uint32_t)i;
        memcpy(base + i * size, &sorted[i], size);
        sum += pkn_mix_u64(sorted[i].key);
    }
    qsort(sorted, n, sizeof *sorted, sort_elements);
    pkern_status status = chance(s, 2) ? pkern_select_nth(base, n, size, nth, compare_keys, 0)
                                       : pkern_par_select_nth(draw_pool(s, at), base, n, size, nth, compare_keys, 0);
    CHECK(status == (nth >= n ? PKERN_EINVAL : PKERN_OK));
    for (size_t i = 0; status == PKERN_OK && i < n; i++) {
        int order = compare_keys(base + i * size, base + nth * size, 0);
        CHECK(i < nth ? order <= 0 : i > nth ? order >= 0 : *(uint32_t *)(void *)(base + i * size) == sorted[nth].key);
        sum -= pkn_mix_u64(*(uint32_t *)(void *)(base + i * size));
    }
    CHECK(status != PKERN_OK || sum == 0);
    free(sorted);
    free(base);
}

static PKN_NOINLINE void call_top_k(stream *s, place *at) {
    size_t   n = draw_size(s, 3000), k = draw_size(s, n + 5), ends = pkn_min_size(n, k);
    uint64_t keys = chance(s, 3) ? 5 : 1u << 30;
    element *base = (element *)get_memory(n * sizeof *base), *sorted = (element *)get_memory(n * sizeof *sorted);
    size_t  *indices = (size_t *)get_memory(k * sizeof *indices);
    for (size_t i = 0; i < n; i++) {
        base[i].key = (uint32_t)(pkn_random_at(at->path, i) % keys);
        base[i].index = (uint32_t)i;
    }
    memcpy(sorted, base, n * sizeof *base);
    qsort(sorted, n, sizeof *sorted, sort_elements);
    memset(indices, 0x5a, k * sizeof *indices);
    pkern_status status = pkern_par_top_k(draw_pool(s, at), base, n, sizeof *base, k, compare_keys, 0, indices);
    CHECK(status == PKERN_OK || memory_ran_out(at, status));
    for (size_t i = 0; i < k; i++) {
        if (status != PKERN_OK) CHECK(indices[i] == (size_t)UINT64_C(0x5a5a5a5a5a5a5a5a));
        else CHECK(indices[i] == (i < ends ? sorted[i].index : SIZE_MAX));
    }
    free(base);
    free(sorted);
    free(indices);
}

#endif

/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "test.h"

#include <pthread.h>

#define ATOMIC_CHECK_INTEGER(suffix, type, max) \
    do { \
        pkn_atomic_##suffix a = {1}; \
        type expected = 5; \
        cr_assert_eq(pkn_atomic_load_relaxed_##suffix(&a), 1); \
        pkn_atomic_store_relaxed_##suffix(&a, 2); \
        cr_assert_eq(pkn_atomic_load_acquire_##suffix(&a), 2); \
        pkn_atomic_store_release_##suffix(&a, 3); \
        cr_assert_eq(pkn_atomic_exchange_acq_rel_##suffix(&a, 4), 3); \
        cr_assert_not(pkn_atomic_cas_relaxed_##suffix(&a, &expected, 9)); \
        cr_assert_eq(expected, 4); \
        cr_assert(pkn_atomic_cas_relaxed_##suffix(&a, &expected, 5)); \
        expected = 0; \
        cr_assert_not(pkn_atomic_cas_acq_rel_##suffix(&a, &expected, 9)); \
        cr_assert(pkn_atomic_cas_acq_rel_##suffix(&a, &expected, 6)); \
        expected = 0; \
        cr_assert_not(pkn_atomic_cas_seq_cst_##suffix(&a, &expected, 9)); \
        cr_assert(pkn_atomic_cas_seq_cst_##suffix(&a, &expected, 7)); \
        cr_assert_eq(pkn_atomic_fetch_add_relaxed_##suffix(&a, 1), 7); \
        cr_assert_eq(pkn_atomic_fetch_add_acq_rel_##suffix(&a, 1), 8); \
        cr_assert_eq(pkn_atomic_fetch_add_seq_cst_##suffix(&a, 1), 9); \
        cr_assert_eq(pkn_atomic_fetch_sub_relaxed_##suffix(&a, 1), 10); \
        cr_assert_eq(pkn_atomic_fetch_sub_acq_rel_##suffix(&a, 1), 9); \
        cr_assert_eq(pkn_atomic_fetch_or_acq_rel_##suffix(&a, 3), 8); \
        cr_assert_eq(pkn_atomic_fetch_and_acq_rel_##suffix(&a, 9), 11); \
        cr_assert_eq(pkn_atomic_load_relaxed_##suffix(&a), 9); \
        pkn_atomic_store_relaxed_##suffix(&a, max); \
        cr_assert_eq(pkn_atomic_fetch_add_acq_rel_##suffix(&a, 1), max); \
        cr_assert_eq(pkn_atomic_load_relaxed_##suffix(&a), 0); \
    } while (0)

Test(base_atomic, each_operation_does_what_its_name_says) {
    ATOMIC_CHECK_INTEGER(u32, uint32_t, UINT32_MAX);
    ATOMIC_CHECK_INTEGER(u64, uint64_t, UINT64_MAX);
    ATOMIC_CHECK_INTEGER(size, size_t, SIZE_MAX);
}

Test(base_atomic, pointers_are_swapped) {
    int x, y;
    void *expected = &y;
    pkn_atomic_ptr a = {&x};
    cr_assert_not(pkn_atomic_cas_acq_rel_ptr(&a, &expected, &y));
    cr_assert_eq(expected, (void *)&x);
    cr_assert(pkn_atomic_cas_acq_rel_ptr(&a, &expected, &y));
    cr_assert_eq(pkn_atomic_exchange_acq_rel_ptr(&a, 0), (void *)&y);
    cr_assert_null(pkn_atomic_load_acquire_ptr(&a));
}

#define ATOMIC_ROUNDS 20000
static pkn_atomic_u32 atomic_ticket, atomic_mine[2];
static uint32_t atomic_plain, atomic_saw[2];

static void *atomic_adder(void *ctx) {
    for (int i = 0; i < ATOMIC_ROUNDS; i++) {
        uint32_t free = 0;
        while (!pkn_atomic_cas_acq_rel_u32(&atomic_ticket, &free, 1)) {
            free = 0;
            pkn_cpu_relax();
        }
        atomic_plain++;
        pkn_atomic_store_release_u32(&atomic_ticket, 0);
    }
    return ctx;
}

Test(base_atomic, a_lock_of_compare_and_swap_keeps_plain_data) {
    pthread_t other;
    cr_assert_eq(pthread_create(&other, 0, atomic_adder, 0), 0);
    atomic_adder(0);
    pthread_join(other, 0);
    cr_assert_eq(atomic_plain, 2 * ATOMIC_ROUNDS);
}

static void *atomic_store_then_look(void *ctx) {
    int self = ctx != 0;
    uint32_t both = 2;
    pkn_atomic_fetch_add_acq_rel_u32(&atomic_ticket, 1);
    while (pkn_atomic_load_acquire_u32(&atomic_ticket) % both != 0) {
        pkn_cpu_relax();
    }
    pkn_atomic_store_relaxed_u32(&atomic_mine[self], 1);
    pkn_fence_seq_cst();
    atomic_saw[self] = pkn_atomic_load_relaxed_u32(&atomic_mine[!self]);
    return 0;
}

/* The shape behind every lost wake-up: store mine, fence, load the other's. */
Test(base_atomic, of_two_stores_with_full_fences_one_side_sees_the_other) {
    for (int i = 0; i < 500; i++) {
        pthread_t other;
        int one = 1;
        pkn_atomic_store_relaxed_u32(&atomic_ticket, 0);
        pkn_atomic_store_relaxed_u32(&atomic_mine[0], 0);
        pkn_atomic_store_relaxed_u32(&atomic_mine[1], 0);
        cr_assert_eq(pthread_create(&other, 0, atomic_store_then_look, &one), 0);
        atomic_store_then_look(0);
        pthread_join(other, 0);
        cr_assert(atomic_saw[0] || atomic_saw[1]);
    }
}

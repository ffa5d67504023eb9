/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "test.h"

#if PKN_THREADS

enum { FUTEX_ROUNDS = 2000 };
static pkn_sleeper futex_sleepers[2];
static pkn_atomic_u32 futex_words[2];

/* Side s sleeps on its word until it differs from the round, then changes the other's. */
static void *futex_side(void *ctx) {
    int self = ctx != 0;
    for (uint32_t round = 0; round < FUTEX_ROUNDS; round++) {
        if (self) {
            pkn_sleep_while_equal(&futex_sleepers[1], &futex_words[1], round);
        }
        pkn_atomic_store_release_u32(&futex_words[!self], round + 1);
        pkn_wake_sleeper(&futex_sleepers[!self], &futex_words[!self]);
        if (!self) {
            pkn_sleep_while_equal(&futex_sleepers[0], &futex_words[0], round);
        }
    }
    return 0;
}

Test(base_futex, no_wake_after_a_change_is_lost) {
    pkn_thread other;
    int one = 1;
    cr_assert_eq(pkn_sleeper_init(&futex_sleepers[0]), 0);
    cr_assert_eq(pkn_sleeper_init(&futex_sleepers[1]), 0);
    cr_assert_eq(pkn_thread_create(&other, 0, futex_side, &one), 0);
    errno = 77;
    futex_side(0);
    cr_assert_eq(errno, 77);
    pkn_thread_join(other);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&futex_words[0]), FUTEX_ROUNDS);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&futex_words[1]), FUTEX_ROUNDS);
    pkn_sleeper_destroy(&futex_sleepers[0]);
    pkn_sleeper_destroy(&futex_sleepers[1]);
}

Test(base_futex, a_word_that_differs_already_does_not_sleep) {
    pkn_sleeper sleeper;
    pkn_atomic_u32 word = {3};
    cr_assert_eq(pkn_sleeper_init(&sleeper), 0);
    pkn_sleep_while_equal(&sleeper, &word, 4);
    pkn_wake_sleeper(&sleeper, &word);
    pkn_sleeper_destroy(&sleeper);
}

#endif

/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "test.h"

#include <signal.h>

#if PKN_THREADS

static void *thread_use_stack(void *ctx) {
    volatile char block[8192];
    for (size_t i = 0; i < sizeof block; i++) {
        block[i] = (char)i;
    }
    *(int *)ctx = block[100] == 100;
    return 0;
}

Test(base_thread, any_stack_size_gives_a_thread_that_runs) {
    static const size_t sizes[] = {0, 1, 4096, 16384, 65536, 65537, 1 << 20, 3 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        pkn_thread thread;
        int ran = 0;
        cr_assert_eq(pkn_thread_create(&thread, sizes[i], thread_use_stack, &ran), 0);
        pkn_thread_join(thread);
        cr_assert(ran);
    }
}

Test(base_thread, a_stack_that_cannot_be_is_an_error_or_a_thread) {
    pkn_thread thread;
    int ran = 0;
    if (pkn_thread_create(&thread, SIZE_MAX, thread_use_stack, &ran) == 0) {
        pkn_thread_join(thread);
        cr_assert(ran);
    }
}

Test(base_thread, the_hook_fails_the_creations_it_names) {
    pkn_thread thread;
    int ran = 0;
    test_failing_threads = 2;
    cr_assert_eq(pkn_thread_create(&thread, 0, thread_use_stack, &ran), 0);
    pkn_thread_join(thread);
    cr_assert_neq(pkn_thread_create(&thread, 0, thread_use_stack, &ran), 0);
    cr_assert_eq(pkn_thread_create(&thread, 0, thread_use_stack, &ran), 0);
    pkn_thread_join(thread);
}

Test(base_thread, a_nap_takes_its_time_and_keeps_errno) {
    uint64_t start = pkn_now_ns();
    errno = 77;
    pkn_nap();
    cr_assert_eq(errno, 77);
    cr_assert_geq(pkn_now_ns() - start, UINT64_C(100000));
}

#endif

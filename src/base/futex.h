/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Sleeping until a word changes: a futex on Linux, a mutex and a condition variable elsewhere. Both keep the same promise: a wake
   after the word has changed is never lost. */
#ifndef PKN_BASE_FUTEX_H
#define PKN_BASE_FUTEX_H

#include "base/atomic.h"
#include "base/thread.h"
#include "base/time.h"

#if PKN_THREADS

#if PKN_LINUX && defined(SYS_futex) && !defined(PKERN_NO_FUTEX)
#define PKN_FUTEX 1
#else
#define PKN_FUTEX 0
#endif

typedef struct pkn_sleeper {
#if PKN_FUTEX
    char unused;
#else
    pthread_mutex_t mutex;
    pthread_cond_t changed;
#endif
} pkn_sleeper;

/* 0, or nonzero where the system has no further condition variable. */
PKN_INTERNAL int pkn_sleeper_init(pkn_sleeper *sleeper) {
#if PKN_FUTEX
    sleeper->unused = 0;
    return 0;
#else
    if (pthread_mutex_init(&sleeper->mutex, 0) != 0) {
        return ENOMEM;
    }
    if (pthread_cond_init(&sleeper->changed, 0) != 0) {
        pthread_mutex_destroy(&sleeper->mutex);
        return ENOMEM;
    }
    return 0;
#endif
}

PKN_INTERNAL void pkn_sleeper_destroy(pkn_sleeper *sleeper) {
#if PKN_FUTEX
    PKN_UNUSED(sleeper);
#else
    pthread_cond_destroy(&sleeper->changed);
    pthread_mutex_destroy(&sleeper->mutex);
#endif
}

/* Returns once *word differs from value. errno is kept. */
PKN_INTERNAL void pkn_sleep_while_equal(pkn_sleeper *sleeper, pkn_atomic_u32 *word, uint32_t value) {
#if PKN_FUTEX
    enum { PKN_FUTEX_WAIT_PRIVATE = 128 };
    int kept_errno = errno;
    PKN_UNUSED(sleeper);
    while (pkn_atomic_load_acquire_u32(word) == value) {
        (void)syscall(SYS_futex, &word->value, PKN_FUTEX_WAIT_PRIVATE, value, (void *)0, (void *)0, 0);
    }
    errno = kept_errno;
#else
    int cancellation = pkn_hold_cancellation();
    pthread_mutex_lock(&sleeper->mutex);
    while (pkn_atomic_load_acquire_u32(word) == value) {
        pthread_cond_wait(&sleeper->changed, &sleeper->mutex);
    }
    pthread_mutex_unlock(&sleeper->mutex);
    pkn_allow_cancellation(cancellation);
#endif
}

/* The same, but returns when pkn_now_ns comes to deadline_ns, too. */
PKN_INTERNAL void pkn_sleep_until(pkn_sleeper *sleeper, pkn_atomic_u32 *word, uint32_t value, uint64_t deadline_ns) {
    int kept_errno = errno;
    uint64_t now_ns;
    while (pkn_atomic_load_acquire_u32(word) == value && (now_ns = pkn_now_ns()) < deadline_ns) {
        uint64_t left_ns = deadline_ns - now_ns;
#if PKN_FUTEX
        enum { PKN_FUTEX_TIMED_WAIT_PRIVATE = 128 };
        left_ns = left_ns < UINT64_C(1000000000000) ? left_ns : UINT64_C(1000000000000);
        /* the kernel's own timespec, whatever libc's is */
        long timeout[2] = {(long)(left_ns / 1000000000), (long)(left_ns % 1000000000)};
        PKN_UNUSED(sleeper);
        (void)syscall(SYS_futex, &word->value, PKN_FUTEX_TIMED_WAIT_PRIVATE, value, timeout, (void *)0, 0);
#else
        /* by the wall clock, which may jump: so in slices */
        struct timespec time;
        clock_gettime(CLOCK_REALTIME, &time);
        left_ns = (left_ns < 50000000 ? left_ns : 50000000) + (uint64_t)time.tv_nsec;
        time.tv_sec += left_ns >= 1000000000;
        time.tv_nsec = (long)(left_ns % 1000000000);
        pthread_mutex_lock(&sleeper->mutex);
        if (pkn_atomic_load_acquire_u32(word) == value) {
            (void)pthread_cond_timedwait(&sleeper->changed, &sleeper->mutex, &time);
        }
        pthread_mutex_unlock(&sleeper->mutex);
#endif
    }
    errno = kept_errno;
}

/* Wakes the one thread that may sleep on the word. Call it after the word has changed. errno is kept. */
PKN_INTERNAL void pkn_wake_sleeper(pkn_sleeper *sleeper, pkn_atomic_u32 *word) {
#if PKN_FUTEX
    enum { PKN_FUTEX_WAKE_PRIVATE = 129 };
    int kept_errno = errno;
    PKN_UNUSED(sleeper);
    (void)syscall(SYS_futex, &word->value, PKN_FUTEX_WAKE_PRIVATE, 1, (void *)0, (void *)0, 0);
    errno = kept_errno;
#else
    PKN_UNUSED(word);
    pthread_mutex_lock(&sleeper->mutex);
    pthread_cond_broadcast(&sleeper->changed);
    pthread_mutex_unlock(&sleeper->mutex);
#endif
}

#endif

#endif

/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Threads, mutexes and their failure hook. Only this file and futex.h talk to the system's threads. */
#ifndef PKN_BASE_THREAD_H
#define PKN_BASE_THREAD_H

#include "base/platform.h"

#if PKN_THREADS

typedef pthread_t pkn_thread;
typedef pthread_mutex_t pkn_mutex;

/* Tests define PKN_THREAD_CREATE_FAILS to an expression that says whether this creation shall fail. */
#ifndef PKN_THREAD_CREATE_FAILS
#define PKN_THREAD_CREATE_FAILS() 0
#endif

/* A new thread inherits the signal mask of its creator. Blocks the signals that the user's own threads should handle; faults, aborts
   and the profiler's tick stay open. Only on Linux, where the calls are reachable from strict C99, too. */
#if PKN_LINUX
enum { PKN_SIG_SETMASK = 2 };

PKN_INTERNAL uint64_t pkn_block_signals(void) {
    static const int open_signals[] = {SIGILL, SIGABRT, SIGFPE, SIGSEGV, 5 /* TRAP */, 7 /* BUS */, 27 /* PROF */, 31 /* SYS */};
    uint64_t mask = UINT64_MAX;
    uint64_t before = 0;
    for (size_t i = 0; i < sizeof open_signals / sizeof open_signals[0]; i++) {
        mask &= ~(UINT64_C(1) << (open_signals[i] - 1));
    }
    (void)syscall(SYS_rt_sigprocmask, PKN_SIG_SETMASK, &mask, &before, sizeof mask);
    return before;
}

PKN_INTERNAL void pkn_restore_signals(uint64_t mask) {
    (void)syscall(SYS_rt_sigprocmask, PKN_SIG_SETMASK, &mask, (void *)0, sizeof mask);
}
#else
PKN_INTERNAL uint64_t pkn_block_signals(void) {
    return 0;
}

PKN_INTERNAL void pkn_restore_signals(uint64_t mask) {
    PKN_UNUSED(mask);
}
#endif

/* From here to pkn_allow_cancellation a request to cancel the calling thread waits: opening a file, a nap and a wait for a thread would
   else end it in the middle of a call, with a lock held. Returns the state before. */
PKN_INTERNAL int pkn_hold_cancellation(void) {
    int before = 0;
#if !defined(__ANDROID__)
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
#endif
    return before;
}

PKN_INTERNAL void pkn_allow_cancellation(int before) {
#if defined(__ANDROID__)
    PKN_UNUSED(before);
#else
    (void)pthread_setcancelstate(before, &before);
#endif
}

/* The least of a default stack: the pool's depth_limit counts on it, and musl's default is 128 KiB. */
#define PKN_LEAST_DEFAULT_STACK ((size_t)1 << 20)
/* glibc takes no less; musl would take 2 KiB, on which no task of ours can run. */
#define PKN_LEAST_STACK ((size_t)16384)

/* 0, or nonzero where the system has no further thread. stack_size 0 is the system's default, but at least 1 MiB; a size it refuses is
   raised to the least that it takes. */
PKN_INTERNAL int pkn_thread_create(pkn_thread *thread, size_t stack_size, void *(*main)(void *), void *argument) {
    if (PKN_THREAD_CREATE_FAILS()) {
        return EAGAIN;
    }
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        return ENOMEM;
    }
    if (stack_size != 0) {
        size_t page = 4096;
        size_t rounded = stack_size > SIZE_MAX - page ? SIZE_MAX - page : (stack_size + page - 1) / page * page;
        rounded = rounded < PKN_LEAST_STACK ? PKN_LEAST_STACK : rounded;
        while (rounded < ((size_t)1 << 20) && pthread_attr_setstacksize(&attributes, rounded) != 0) {
            rounded *= 2;
        }
        if (rounded >= ((size_t)1 << 20)) {
            (void)pthread_attr_setstacksize(&attributes, rounded);
        }
    }
    size_t default_size = 0;
    if (stack_size == 0 && pthread_attr_getstacksize(&attributes, &default_size) == 0 && default_size < PKN_LEAST_DEFAULT_STACK) {
        (void)pthread_attr_setstacksize(&attributes, PKN_LEAST_DEFAULT_STACK);
    }
    uint64_t signals = pkn_block_signals();
    int error = pthread_create(thread, &attributes, main, argument);
    pkn_restore_signals(signals);
    pthread_attr_destroy(&attributes);
    return error;
}

PKN_INTERNAL void pkn_thread_join(pkn_thread thread) {
    int cancellation = pkn_hold_cancellation();
    pthread_join(thread, 0);
    pkn_allow_cancellation(cancellation);
}

/* At most 15 characters. */
PKN_INTERNAL void pkn_thread_set_name(const char *name) {
#if PKN_LINUX
    enum { PKN_PR_SET_NAME = 15 };
    (void)syscall(SYS_prctl, PKN_PR_SET_NAME, name, 0, 0, 0);
#else
    PKN_UNUSED(name);
#endif
}

/* The calling thread's CPUs as a bit set; returns its bytes, 0 where the system doesn't say. */
PKN_INTERNAL size_t pkn_thread_get_affinity(unsigned long *mask, size_t bytes) {
#if PKN_LINUX
    long written = syscall(SYS_sched_getaffinity, 0, bytes, mask);
    return written > 0 ? (size_t)written : 0;
#else
    PKN_UNUSED(mask);
    PKN_UNUSED(bytes);
    return 0;
#endif
}

PKN_INTERNAL void pkn_thread_set_affinity(const unsigned long *mask, size_t bytes) {
#if PKN_LINUX
    (void)syscall(SYS_sched_setaffinity, 0, bytes, mask);
#else
    PKN_UNUSED(mask);
    PKN_UNUSED(bytes);
#endif
}

typedef pthread_once_t pkn_once;
#define PKN_ONCE_INIT PTHREAD_ONCE_INIT
#define PKN_MUTEX_INIT PTHREAD_MUTEX_INITIALIZER

PKN_INTERNAL void pkn_call_once(pkn_once *once, void (*fn)(void)) {
    pthread_once(once, fn);
}

PKN_INTERNAL void pkn_at_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void)) {
    (void)pthread_atfork(prepare, parent, child);
}

/* A short sleep, for the rare wait that nobody can end by a wake. */
PKN_INTERNAL void pkn_nap(void) {
    struct timespec time = {0, 100000};
    int kept_errno = errno;
    int cancellation = pkn_hold_cancellation();
    nanosleep(&time, 0);
    pkn_allow_cancellation(cancellation);
    errno = kept_errno;
}

PKN_INTERNAL int pkn_mutex_init(pkn_mutex *mutex) {
    return pthread_mutex_init(mutex, 0);
}

PKN_INTERNAL void pkn_mutex_destroy(pkn_mutex *mutex) {
    pthread_mutex_destroy(mutex);
}

PKN_INTERNAL void pkn_mutex_lock(pkn_mutex *mutex) {
    pthread_mutex_lock(mutex);
}

PKN_INTERNAL void pkn_mutex_unlock(pkn_mutex *mutex) {
    pthread_mutex_unlock(mutex);
}

#else

/* Without threads a mutex has nobody to keep out. */
typedef int pkn_mutex;
#define PKN_MUTEX_INIT 0

PKN_INTERNAL int pkn_mutex_init(pkn_mutex *mutex) {
    *mutex = 0;
    return 0;
}

PKN_INTERNAL void pkn_mutex_destroy(pkn_mutex *mutex) {
    PKN_UNUSED(mutex);
}

PKN_INTERNAL void pkn_mutex_lock(pkn_mutex *mutex) {
    PKN_UNUSED(mutex);
}

PKN_INTERNAL void pkn_mutex_unlock(pkn_mutex *mutex) {
    PKN_UNUSED(mutex);
}

#endif

#endif

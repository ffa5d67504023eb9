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

/* 0, or nonzero where the system has no further thread. stack_size 0 is the system's default; a size it refuses is raised to the
   least that it takes. All signals are blocked in the new thread, so that the user's handlers run on the user's threads. */
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
        while (rounded < ((size_t)1 << 20) && pthread_attr_setstacksize(&attributes, rounded) != 0) {
            rounded *= 2;
        }
        if (rounded >= ((size_t)1 << 20)) {
            (void)pthread_attr_setstacksize(&attributes, rounded);
        }
    }
    int error = pthread_create(thread, &attributes, main, argument);
    pthread_attr_destroy(&attributes);
    return error;
}

PKN_INTERNAL void pkn_thread_join(pkn_thread thread) {
    pthread_join(thread, 0);
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

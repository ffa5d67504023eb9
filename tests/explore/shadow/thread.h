/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Threads and mutexes of the explorer, and its futex system call for the shipped futex.h. */
#ifndef PKN_EXPLORE_THREAD_H
#define PKN_EXPLORE_THREAD_H

#include "base/platform.h"
#include "explore.h"

typedef int pkn_thread;
typedef explore_mutex pkn_mutex;
typedef int pkn_once;
#define PKN_MUTEX_INIT {0, 0, 0}
#define PKN_ONCE_INIT 0
#define syscall explore_syscall
/* a pool asks the system how many CPUs there are: one, so a pool by default has no threads */
#define fopen(path, mode) ((void)(path), (void)(mode), (FILE *)0)
#define sysconf(name) ((void)(name), 1L)
#define getenv(name) ((void)(name), (char *)0)

#ifndef PKN_THREAD_CREATE_FAILS
#define PKN_THREAD_CREATE_FAILS() 0
#endif

PKN_INTERNAL int pkn_hold_cancellation(void) {
    return 0;
}

PKN_INTERNAL void pkn_allow_cancellation(int before) {
    PKN_UNUSED(before);
}

PKN_INTERNAL int pkn_thread_create(pkn_thread *thread, size_t stack_size, void *(*run)(void *), void *argument) {
    PKN_UNUSED(stack_size);
    return PKN_THREAD_CREATE_FAILS() ? EAGAIN : explore_thread_create(thread, run, argument);
}

PKN_INTERNAL void pkn_thread_join(pkn_thread thread) {
    explore_thread_join(thread);
}

PKN_INTERNAL void pkn_thread_set_name(const char *name) {
    PKN_UNUSED(name);
}

PKN_INTERNAL size_t pkn_thread_get_affinity(unsigned long *mask, size_t bytes) {
    PKN_UNUSED(mask);
    PKN_UNUSED(bytes);
    return 0;
}

PKN_INTERNAL void pkn_thread_set_affinity(const unsigned long *mask, size_t bytes) {
    PKN_UNUSED(mask);
    PKN_UNUSED(bytes);
}

PKN_INTERNAL void pkn_call_once(pkn_once *once, void (*fn)(void)) {
    if (!*once) {
        *once = 1;
        fn();
    }
}

PKN_INTERNAL void pkn_at_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void)) {
    PKN_UNUSED(prepare);
    PKN_UNUSED(parent);
    PKN_UNUSED(child);
}

PKN_INTERNAL void pkn_nap(void) {
    explore_relax();
}

PKN_INTERNAL int pkn_mutex_init(pkn_mutex *mutex) {
    mutex->taken = mutex->message = mutex->execution = 0;
    return 0;
}

PKN_INTERNAL void pkn_mutex_destroy(pkn_mutex *mutex) {
    PKN_UNUSED(mutex);
}

PKN_INTERNAL void pkn_mutex_lock(pkn_mutex *mutex) {
    explore_lock(mutex);
}

PKN_INTERNAL void pkn_mutex_unlock(pkn_mutex *mutex) {
    explore_unlock(mutex);
}

#endif

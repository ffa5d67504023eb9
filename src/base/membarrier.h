/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* A full fence on every running thread of the process, asked for by one of them: so that what threads do all the time needs no
   fence, and what is done once in a while pays for both sides. About 0.6 us with one other thread running.
   Source: Linux, membarrier(2), private expedited; Dice, Huang and Yang, "Asymmetric Dekker synchronization", 2001. */
#ifndef PKN_BASE_MEMBARRIER_H
#define PKN_BASE_MEMBARRIER_H

#include "base/atomic.h"
#include "base/thread.h"

#if PKN_THREADS && PKN_LINUX && defined(SYS_membarrier) && !defined(PKERN_NO_MEMBARRIER)
#define PKN_MEMBARRIER 1
enum { PKN_MEMBARRIER_EXPEDITED = 8, PKN_MEMBARRIER_REGISTER = 16 };
#else
#define PKN_MEMBARRIER 0
#endif

/* 1 where the system does it. Quick in a process of one thread, about 10 ms once in one that has several. errno is kept. */
PKN_INTERNAL int pkn_membarrier_init(void) {
#if PKN_MEMBARRIER
    int kept_errno = errno;
    int works = syscall(SYS_membarrier, PKN_MEMBARRIER_REGISTER, 0, 0) == 0;
    errno = kept_errno;
    return works;
#else
    return 0;
#endif
}

/* works: what init said; where it is 0, a fence of the calling thread alone. */
PKN_INTERNAL void pkn_fence_all_threads(int works) {
#if PKN_MEMBARRIER
    if (works) {
        int kept_errno = errno;
        (void)syscall(SYS_membarrier, PKN_MEMBARRIER_EXPEDITED, 0, 0);
        errno = kept_errno;
        return;
    }
#endif
    PKN_UNUSED(works);
    pkn_fence_seq_cst();
}

#endif

/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Deadlines on the monotonic clock, in nanoseconds; 0 = none. */
#ifndef PKN_POOL_DEADLINE_H
#define PKN_POOL_DEADLINE_H

#include "base/time.h"

/* In timeout_ns from now; none where that is below 0. */
PKN_INLINE uint64_t pkn_deadline_in(int64_t timeout_ns) {
    uint64_t deadline_ns = timeout_ns < 0 ? 0 : pkn_now_ns() + (uint64_t)timeout_ns;
    return timeout_ns >= 0 && deadline_ns == 0 ? 1 : deadline_ns;
}

PKN_INLINE int pkn_deadline_has_passed(uint64_t deadline_ns) {
    return deadline_ns != 0 && pkn_now_ns() >= deadline_ns;
}

#endif

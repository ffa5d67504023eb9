/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Each explored thread has a clock of its own that only its own looks move, so that no thread learns of another by the time. */
#ifndef PKN_EXPLORE_TIME_H
#define PKN_EXPLORE_TIME_H

#include "base/platform.h"
#include "explore.h"

PKN_INLINE uint64_t pkn_now_ns(void) {
    return explore_ticks();
}

PKN_INLINE uint64_t pkn_ticks(void) {
    return explore_ticks();
}

#endif

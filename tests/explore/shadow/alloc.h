/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Memory of the model: known to the explorer from birth to release, and never used again in one execution. */
#ifndef PKN_EXPLORE_ALLOC_H
#define PKN_EXPLORE_ALLOC_H

#include "base/base.h"
#include "base/platform.h"
#include "explore.h"

PKN_INTERNAL void *pkn_allocate(const pkern_allocator *allocator, size_t bytes, size_t alignment) {
    PKN_UNUSED(allocator);
    return explore_allocate(bytes, alignment);
}

PKN_INTERNAL void pkn_release(const pkern_allocator *allocator, void *memory, size_t bytes) {
    PKN_UNUSED(allocator);
    if (memory != 0) {
        explore_release(memory, bytes);
    }
}

#endif

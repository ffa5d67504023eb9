/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Cancellation tokens. */
#ifndef PKN_POOL_CANCEL_C
#define PKN_POOL_CANCEL_C

#include "pool/pool.h"

PKERN_API void pkern_cancel_request(pkern_cancel *cancel) {
    if (cancel != 0) {
        /* release: who sees the request sees what its author did before */
        pkn_atomic_store_release_u32(&cancel->requested, 1);
    }
}

PKERN_API int pkern_cancel_requested(const pkern_cancel *cancel) {
    return cancel != 0 && pkn_atomic_load_acquire_u32(&cancel->requested) != 0;
}

#endif

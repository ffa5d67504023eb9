/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Cancellation tokens. Without a deadline a look is two loads; with one it reads the clock, too. */
#ifndef PKN_POOL_CANCEL_C
#define PKN_POOL_CANCEL_C

#include "pool/pool.h"
#include "pool/deadline.h"

PKERN_API void pkern_cancel_request(pkern_cancel *cancel) {
    if (cancel != 0) {
        /* release: who sees the request sees what its author did before */
        pkn_atomic_store_release_u32(&cancel->requested, 1);
    }
}

PKERN_API void pkern_cancel_after(pkern_cancel *cancel, int64_t timeout_ns) {
    if (cancel != 0) {
        pkn_atomic_store_relaxed_u64(&cancel->deadline_ns, pkn_deadline_in(timeout_ns));
    }
}

PKERN_API pkern_status pkern_cancel_status(const pkern_cancel *cancel) {
    if (cancel == 0) {
        return PKERN_OK;
    }
    if (pkn_atomic_load_acquire_u32(&cancel->requested) != 0) {
        return PKERN_ECANCELED;
    }
    return pkn_deadline_has_passed(pkn_atomic_load_relaxed_u64(&cancel->deadline_ns)) ? PKERN_ETIMEDOUT : PKERN_OK;
}

PKERN_API int pkern_cancel_requested(const pkern_cancel *cancel) {
    return pkern_cancel_status(cancel) != PKERN_OK;
}

#endif

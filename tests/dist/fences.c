/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* Each memory order of base/atomic.h in a function of its own, for fences_test.sh, which reads the assembly. */
#include "base/atomic.h"

uint64_t load_acquire(pkn_atomic_u64 *a);
void     store_release(pkn_atomic_u64 *a, uint64_t x);
uint64_t exchange_acq_rel(pkn_atomic_u64 *a, uint64_t x);
uint64_t fetch_add_acq_rel(pkn_atomic_u64 *a, uint64_t x);
int      cas_acq_rel(pkn_atomic_u64 *a, uint64_t *expected, uint64_t x);
void     fence_seq_cst(void);

uint64_t load_acquire(pkn_atomic_u64 *a) {
    return pkn_atomic_load_acquire_u64(a);
}
void store_release(pkn_atomic_u64 *a, uint64_t x) {
    pkn_atomic_store_release_u64(a, x);
}
uint64_t exchange_acq_rel(pkn_atomic_u64 *a, uint64_t x) {
    return pkn_atomic_exchange_acq_rel_u64(a, x);
}
uint64_t fetch_add_acq_rel(pkn_atomic_u64 *a, uint64_t x) {
    return pkn_atomic_fetch_add_acq_rel_u64(a, x);
}
int cas_acq_rel(pkn_atomic_u64 *a, uint64_t *expected, uint64_t x) {
    return pkn_atomic_cas_acq_rel_u64(a, expected, x);
}
void fence_seq_cst(void) {
    pkn_fence_seq_cst();
}

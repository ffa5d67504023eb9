/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * Peer: FAISS IndexBinaryFlat, exact search. Debian's package is a generic build (no AVX2, no POPCNT kernels for
 * long codes), so its column says what Debian's users get, not what FAISS can do.
 */
#include "peer.h"

#include <faiss/IndexBinaryFlat.h>
#include <omp.h>

using index_label = decltype(faiss::IndexBinary::ntotal); /* the type moved between versions */
static_assert(sizeof(index_label) == sizeof(int64_t), "labels are 64-bit");

extern "C" int peer_open(int threads) {
    omp_set_num_threads(threads);
#pragma omp parallel
    { /* makes the threads now, before the caller is pinned */
    }
    return 0;
}

extern "C" const char *peer_name(void) {
    return "FAISS (Debian generic build)";
}

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
extern "C" const char *peer_version(void) {
    return "FAISS " TEXT(FAISS_VERSION_MAJOR) "." TEXT(FAISS_VERSION_MINOR) "." TEXT(
        FAISS_VERSION_PATCH) " IndexBinaryFlat, Debian generic build";
}

extern "C" void *peer_index_open(const uint64_t *memory, size_t n, size_t words) {
    auto *index = new faiss::IndexBinaryFlat((int)(words * 64));
    index->add((index_label)n, reinterpret_cast<const uint8_t *>(memory));
    return index;
}

extern "C" void peer_index_search(void *index, const uint64_t *queries, size_t n, size_t k,
                                  int32_t *distances, int64_t *labels) {
    static_cast<faiss::IndexBinaryFlat *>(index)->search(
        (index_label)n, reinterpret_cast<const uint8_t *>(queries), (index_label)k, distances,
        reinterpret_cast<index_label *>(labels));
}

extern "C" void peer_index_close(void *index) {
    delete static_cast<faiss::IndexBinaryFlat *>(index);
}

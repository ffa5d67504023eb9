/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "hdc_oracle.h"

#if PKN_THREADS
/* What is too short to share doesn't start threads, nor does what is refused. */
Test(hdc_run, short_calls_make_no_pool) {
    enum { WORDS = 1 };
    uint64_t vectors[8] = {1, 2, 3, 4, 5, 6, 7, 8}, out[8];
    uint32_t labels[4] = {0};
    size_t offsets[3] = {0, 1, 2}, index[2], assignment[4];
    pkern_hdc_prediction prediction;
    pkern_hdc_match match;
    pkern_hdc_sdm *sdm = 0;
    pkern_hdc_mih *mih = 0;
    pkern_hdc_ivf *ivf = 0;
    pkern_hdc_sdm_config config;
    memset(&config, 0, sizeof config);
    config.n_locations = config.address_words = 1;
    cr_assert_eq(pkern_hdc_bind(0, vectors, 4, vectors + 4, WORDS, out), PKERN_OK);
    cr_assert_eq(pkern_hdc_top_k(0, vectors, 1, vectors, 4, WORDS, 1, &match), PKERN_OK);
    cr_assert_eq(pkern_hdc_knn(0, vectors, 1, vectors, labels, 4, WORDS, 1, &prediction), PKERN_OK);
    cr_assert_eq(pkern_hdc_knn(0, vectors, 1, vectors, 0, 4, WORDS, 1, &prediction), PKERN_EINVAL);
    cr_assert_eq(pkern_hdc_resonator_factor(0, vectors, 0, vectors, offsets, 2, WORDS, 0, index, 0),
                 PKERN_OK);
    cr_assert_eq(pkern_hdc_k_majority(0, vectors, 2, WORDS, 1, 1, 1, out, assignment), PKERN_OK);
    cr_assert_eq(pkern_hdc_sdm_create(0, &config, &sdm), PKERN_OK);
    cr_assert_eq(pkern_hdc_sdm_write(0, sdm, vectors, vectors, 0, 1), PKERN_OK);
    cr_assert_eq(pkern_hdc_mih_build(0, vectors, 2, WORDS, 3, 0, &mih), PKERN_OK);
    cr_assert_eq(pkern_hdc_ivf_build(0, vectors, 2, WORDS, 1, 1, 1, &ivf), PKERN_OK);
    pkern_hdc_ivf_free(ivf);
    pkern_hdc_mih_free(mih);
    pkern_hdc_sdm_destroy(sdm);
    cr_assert_null(pkn_atomic_load_relaxed_ptr(&pkn_global_pool));
}
#endif

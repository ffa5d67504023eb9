/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The choice of the set: by CPU, by PKERN_ISA, once. */
#include "test.h"
#include "fence.h"

#include <pthread.h>

static const char *dispatch_isa_under(const char *value) {
    if (value) {
        setenv("PKERN_ISA", value, 1);
    } else {
        unsetenv("PKERN_ISA");
    }
    fence_use_set(0);
    return pkern_simd_isa();
}

/* First of all, while the environment is still the one that the test program was started with. */
Test(simd_dispatch, the_environment_at_the_start_is_obeyed) {
    const char *wanted = getenv("PKERN_ISA");
    if (!wanted) PKN_TEST_SKIP("PKERN_ISA is not set; make test-isa sets it");
    cr_assert(strncmp(pkern_simd_isa(), wanted, strlen(wanted)) == 0, "PKERN_ISA=%s, but %s runs",
              wanted, pkern_simd_isa());
}

Test(simd_dispatch, every_set_is_the_active_one_where_it_is_forced) {
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        cr_assert_str_eq(dispatch_isa_under(set->name), set->name);
        cr_assert(pkn_simd() == &set->kernels);
        cr_assert(pkn_simd()->sqrt_f32 == set->kernels.sqrt_f32);
    }
    cr_assert_str_eq(dispatch_isa_under("scalar"), "scalar");
    cr_assert(pkn_simd()->popcount_u64 == pkn_popcount_u64_scalar);
    cr_assert(pkn_simd()->add_f64 == pkn_add_f64_scalar);
}

Test(simd_dispatch, the_forced_set_has_its_own_code) {
#if PKN_ARCH_X86
    if (pkn_simd_choose(pkn_cpu_features(), "avx2")->features == 0) PKN_TEST_SKIP("no AVX2 here");
    dispatch_isa_under("avx2");
    cr_assert(pkn_simd()->popcount_u64 == pkn_popcount_u64_avx2);
    cr_assert(pkn_simd()->sum_f32 == pkn_sum_f32_avx2);
#elif PKN_ARCH_ARM64
    dispatch_isa_under("neon");
    cr_assert(pkn_simd()->popcount_u64 == pkn_popcount_u64_neon);
    cr_assert(pkn_simd()->sum_f32 == pkn_sum_f32_neon);
#endif
}

Test(simd_dispatch, names_that_are_unknown_or_not_to_be_had_are_ignored) {
    static const char *const names[] = {
        "",
        "avx",
        "AVX2",
        "avx5120",
        "scalar ",
        "1",
#if PKN_ARCH_X86
        "neon",
#else
        "popcnt",
        "avx2",
        "avx512",
#endif
    };
    const char *best = dispatch_isa_under(0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cr_assert_str_eq(dispatch_isa_under(names[i]), best, "PKERN_ISA=%s", names[i]);
    }
}

Test(simd_dispatch, the_choice_stays) {
    const char *first = dispatch_isa_under(0);
    setenv("PKERN_ISA", "scalar", 1);
    cr_assert(pkern_simd_isa() == first);
}

#if PKN_ARCH_X86
Test(simd_dispatch, the_best_set_that_the_features_allow_is_chosen) {
    const uint32_t avx2 = PKN_CPU_AVX2 | PKN_CPU_POPCNT;
    const uint32_t avx512 =
        avx2 | PKN_CPU_AVX512F | PKN_CPU_AVX512BW | PKN_CPU_AVX512VL | PKN_CPU_AVX512DQ;
    const uint32_t vnni = avx512 | PKN_CPU_AVX512VNNI;
    const uint32_t all = vnni | PKN_CPU_AVX512VPOPCNTDQ;
    const uint32_t avx_vnni = avx2 | PKN_CPU_AVXVNNI;
    cr_assert_str_eq(pkn_simd_choose(all, 0)->name, "avx512_vpopcnt");
    cr_assert_str_eq(pkn_simd_choose(all, "avx512")->name, "avx512_vpopcnt");
    cr_assert_str_eq(pkn_simd_choose(all, "avx512_base")->name, "avx512_base");
    cr_assert_str_eq(pkn_simd_choose(all, "avx2")->name, "avx2");
    cr_assert_str_eq(pkn_simd_choose(all, "avx512_vnni")->name, "avx512_vnni");
    cr_assert_str_eq(pkn_simd_choose(vnni, "avx512")->name, "avx512_vnni");
    cr_assert_str_eq(pkn_simd_choose(avx_vnni, 0)->name, "avx2_vnni");
    cr_assert_str_eq(pkn_simd_choose(avx_vnni, "avx2")->name, "avx2");
    cr_assert_str_eq(pkn_simd_choose(all | avx_vnni, 0)->name, "avx512_vpopcnt");
    cr_assert_str_eq(pkn_simd_choose(avx512, 0)->name, "avx512_base");
    cr_assert_str_eq(pkn_simd_choose(avx512, "avx512")->name, "avx512_base");
    cr_assert_str_eq(pkn_simd_choose(avx512, "avx512_vpopcnt")->name, "avx512_base");
    cr_assert_str_eq(pkn_simd_choose(avx2, "avx512")->name, "avx2");
    for (uint32_t lacking = 1; lacking < all; lacking <<= 1) {
        if ((avx512 & ~avx2 & lacking) != 0)
            cr_assert_str_eq(pkn_simd_choose(all & ~lacking, 0)->name, "avx2");
        if ((avx2 & lacking) != 0)
            cr_assert_str_eq(pkn_simd_choose(all & ~lacking, 0)->name,
                             lacking == PKN_CPU_POPCNT ? "scalar" : "popcnt");
    }
    cr_assert_str_eq(pkn_simd_choose(0, "avx2")->name, "scalar");
}

Test(simd_dispatch, this_cpu_runs_every_set_of_its_architecture) {
    size_t n_sets;
    const pkn_simd_set *sets = pkn_simd_sets(&n_sets);
    for (size_t i = 0; i < n_sets; i++) {
        if (sets[i].features & ~pkn_cpu_features())
            PKN_TEST_SKIP("this CPU lacks a set, whose kernels stay untested");
    }
}
#endif

#define DISPATCH_HAS_KERNEL(kernel, result, parameters, popcnt, avx2, avx512, avx512_vpopcnt, \
                            neon) \
    cr_assert(set->kernels.kernel != 0, "%s has no " #kernel, set->name);

#define DISPATCH_HAS_VNNI_KERNEL(kernel, result, parameters, avx2, avx2_vnni, avx512, avx512_vnni, \
                                 neon) \
    cr_assert(set->kernels.kernel != 0, "%s has no " #kernel, set->name);

Test(simd_dispatch, every_table_has_every_kernel) {
    for (const pkn_simd_set *set = fence_next_set(0); set; set = fence_next_set(set)) {
        PKN_SIMD_KERNELS(DISPATCH_HAS_KERNEL)
        PKN_SIMD_VNNI_KERNELS(DISPATCH_HAS_VNNI_KERNEL)
    }
}

static void *dispatch_ask(void *out) {
    const char *isa = pkern_simd_isa();
    memcpy(out, &isa, sizeof isa);
    return 0;
}

Test(simd_dispatch, threads_that_ask_first_at_once_get_the_same) {
    for (int round = 0; round < 20; round++) {
        pthread_t threads[4];
        const char *names[4];
        fence_use_set(0);
        for (int i = 0; i < 4; i++)
            cr_assert_eq(pthread_create(&threads[i], 0, dispatch_ask, &names[i]), 0);
        for (int i = 0; i < 4; i++) cr_assert_eq(pthread_join(threads[i], 0), 0);
        for (int i = 0; i < 4; i++) cr_assert(names[i] == names[0]);
    }
}

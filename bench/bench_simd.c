/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/*
 * Every plain kernel in every instruction set that this CPU has, in L1 (256 bytes and 8 KiB an
 * array) and in L2 (128 KiB). "memcpy" moves as many bytes as a kernel's output has and is the
 * yardstick of the bitwise kernels and of rotate. The column "per item" is the time for 64 bytes of
 * input; the cycle row of the CSV turns it into cycles. The arrays begin on a line, or
 * ("offset" cases) 8 bytes behind one, where malloc's usually lie 16.
 */
#define BENCH_OWN_PKERN
#include "bench.h"

typedef struct work {
    const pkn_simd_kernels *kernels;
    uint64_t *a, *b, *out;
    size_t words;
    double sum;
} work;

static void call_memcpy(void *ctx) {
    work *w = (work *)ctx;
    memcpy(w->out, w->a, w->words * 8);
}

#define CALL(kernel, statement) \
    static void call_##kernel(void *ctx) { \
        work *w = (work *)ctx; \
        const pkn_simd_kernels *k = w->kernels; \
        const float *a_f32 = (const float *)(const void *)w->a, \
                    *b_f32 = (const float *)(const void *)w->b; \
        const double *a_f64 = (const double *)(const void *)w->a, \
                     *b_f64 = (const double *)(const void *)w->b; \
        float *out_f32 = (float *)(void *)w->out; \
        double *out_f64 = (double *)(void *)w->out; \
        (void)a_f32, (void)b_f32, (void)a_f64, (void)b_f64, (void)out_f32, (void)out_f64; \
        statement; \
    }

CALL(xor_u64, k->xor_u64(w->a, w->b, w->words, w->out))
CALL(and_u64, k->and_u64(w->a, w->b, w->words, w->out))
CALL(or_u64, k->or_u64(w->a, w->b, w->words, w->out))
CALL(not_u64, k->not_u64(w->a, w->words, w->out))
CALL(popcount_u64, w->sum += (double)k->popcount_u64(w->a, w->words))
CALL(hamming_u64, w->sum += (double)k->hamming_u64(w->a, w->b, w->words))
CALL(rotate_u64, k->rotate_u64(w->a, w->words, 77, w->out))
CALL(add_f32, k->add_f32(a_f32, b_f32, 2 * w->words, out_f32))
CALL(add_f64, k->add_f64(a_f64, b_f64, w->words, out_f64))
CALL(multiply_f32, k->multiply_f32(a_f32, b_f32, 2 * w->words, out_f32))
CALL(multiply_f64, k->multiply_f64(a_f64, b_f64, w->words, out_f64))
CALL(sqrt_f32, k->sqrt_f32(a_f32, 2 * w->words, out_f32))
CALL(sqrt_f64, k->sqrt_f64(a_f64, w->words, out_f64))
CALL(axpy_f32, k->axpy_f32(1e-9f, a_f32, 2 * w->words, out_f32))
CALL(axpy_f64, k->axpy_f64(1e-9, a_f64, w->words, out_f64))
CALL(sum_f32, w->sum += (double)k->sum_f32(a_f32, 2 * w->words))
CALL(sum_f64, w->sum += k->sum_f64(a_f64, w->words))
CALL(dot_f32, w->sum += (double)k->dot_f32(a_f32, b_f32, 2 * w->words))
CALL(dot_f64, w->sum += k->dot_f64(a_f64, b_f64, w->words))

typedef struct kernel_case {
    const char *name;
    void (*call)(void *ctx);
    int is_f32, has_output;
} kernel_case;

static const kernel_case kernel_cases[] = {
    {"xor_u64", call_xor_u64, 0, 1},
    {"and_u64", call_and_u64, 0, 1},
    {"or_u64", call_or_u64, 0, 1},
    {"not_u64", call_not_u64, 0, 1},
    {"popcount_u64", call_popcount_u64, 0, 0},
    {"hamming_u64", call_hamming_u64, 0, 0},
    {"rotate_u64", call_rotate_u64, 0, 1},
    {"add_f32", call_add_f32, 1, 1},
    {"add_f64", call_add_f64, 0, 1},
    {"multiply_f32", call_multiply_f32, 1, 1},
    {"multiply_f64", call_multiply_f64, 0, 1},
    {"sqrt_f32", call_sqrt_f32, 1, 1},
    {"sqrt_f64", call_sqrt_f64, 0, 1},
    {"axpy_f32", call_axpy_f32, 1, 0},
    {"axpy_f64", call_axpy_f64, 0, 0},
    {"sum_f32", call_sum_f32, 1, 0},
    {"sum_f64", call_sum_f64, 0, 0},
    {"dot_f32", call_dot_f32, 1, 0},
    {"dot_f64", call_dot_f64, 0, 0},
};

/* Numbers of ordinary size in either type. */
static void fill(uint64_t *array, size_t words, int is_f32) {
    for (size_t i = 0; i < words; i++) {
        float pair[2] = {1.0f + (float)i, 2.0f};
        double one = 1.0 + (double)i;
        memcpy(&array[i], is_f32 ? (const void *)pair : (const void *)&one, 8);
    }
}

static void run(const kernel_case *kernel, size_t words, size_t offset) {
    work works[BENCH_MAX_IMPLS];
    bench_impl impls[BENCH_MAX_IMPLS];
    char name[64];
    int count = 0;
    size_t n_sets;
    const pkn_simd_set *sets = pkn_simd_sets(&n_sets);
    /* The inputs are shared, 1 and 2 KiB apart from each other and the output modulo 4 KiB, where a
     * load would wait for a store. */
    uint64_t *inputs = (uint64_t *)bench_allocate((2 * words + 2048) * 8);
    snprintf(name, sizeof name, "%s%s", kernel->name, offset != 0 ? " offset" : "");
    for (size_t i = 0; i < n_sets + 1 && bench_wanted("simd", name); i++) {
        const pkn_simd_set *set =
            i < n_sets ? &sets[n_sets - 1 - i] : NULL; /* scalar first: the reference */
        work *w = &works[count];
        if (set != NULL && (set->features & ~pkn_cpu_features()) != 0) {
            continue;
        }
        w->kernels = set != NULL ? &set->kernels : NULL;
        w->words = words;
        w->sum = 0.0;
        w->a = inputs + 128 + offset;
        w->b = inputs + words + 1024 + 256 + offset;
        w->out = (uint64_t *)bench_allocate((words + 8) * 8) + offset;
        fill(w->a, words, kernel->is_f32);
        fill(w->b, words, kernel->is_f32);
        memset(w->out, 0, words * 8);
        bench_add(impls, &count, set != NULL ? set->name : "memcpy", 1,
                  set != NULL ? kernel->call : call_memcpy, w, NULL, 0);
        if (set != NULL && kernel->has_output) {
            impls[count - 1].out = w->out;
            impls[count - 1].out_bytes = words * 8;
        }
    }
    bench_case("simd", name, words, (double)words / 8.0, impls, count);
    for (int i = 0; i < count; i++) {
        free(works[i].out - offset);
    }
    free(inputs);
}

int main(int argc, char **argv) {
    static const size_t sizes[] = {32, 1024, 16384};
    bench_begin(argc, argv);
    for (size_t i = 0; i < sizeof kernel_cases / sizeof kernel_cases[0]; i++) {
        for (size_t j = 0; j < sizeof sizes / sizeof sizes[0]; j++) {
            run(&kernel_cases[i], sizes[j], 0);
        }
        run(&kernel_cases[i], 1024, 1);
    }
    return bench_end();
}

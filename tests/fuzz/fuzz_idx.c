/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* The reader of pictures in examples/hdc_classify.c. The first byte says how to read, the second how many bytes the file of labels
   has; then come the labels and the pictures. */
#include "fuzz_classify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    class_names names = {0, 0, 0};
    examples e;
    reading how;
    char *labels, *pictures;
    size_t n_labels;
    if (size < 2) return 0;
    n_labels = data[1] < size - 2 ? data[1] : size - 2;
    if (setjmp(fuzz_end) == 0) {
        memset(&e, 0, sizeof e);
        memset(&how, 0, sizeof how);
        how.names = &names;
        how.skip_bad = data[0] & 1;
        how.learns = data[0] >> 1 & 1;
        how.wants_labels = n_labels > 0;
        how.n_fields = data[0] >> 2 & 7;
        if (!how.learns) add_class(&names, "1");
        labels = copy_text((const char *)data + 2, n_labels);
        pictures = copy_text((const char *)data + 2 + n_labels, size - 2 - n_labels);
        read_idx(&e, &how, "pictures", pictures, size - 2 - n_labels, "labels", n_labels ? labels : 0, n_labels);
        fuzz_check(&e, &names, how.wants_labels);
    }
    fuzz_free_all();
    return 0;
}

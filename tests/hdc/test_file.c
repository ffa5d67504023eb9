/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
#include "file_tools.h"

#include <errno.h>
#include <sys/resource.h>

enum { FILE_SEED = 130, FILE_BLOB = 100 };

/* Three sections: numbers, bytes in two pieces, and none. */
static pkern_status file_save(const char *path, int newer) {
    pkn_file_writer writer;
    uint64_t numbers[3] = {7, 8, newer ? 10 : 9};
    unsigned char blob[FILE_BLOB];
    for (size_t i = 0; i < FILE_BLOB; i++) blob[i] = (unsigned char)(i + (newer ? 1 : 0));
    pkn_file_create(&writer, path, "test", 3, 3, 0);
    pkn_file_put(&writer, "numbers", numbers, 8, 3);
    pkn_file_section(&writer, "blob", 1, FILE_BLOB);
    pkn_file_write(&writer, blob, 33);
    pkn_file_write(&writer, blob + 33, FILE_BLOB - 33);
    pkn_file_put(&writer, "a name of 24 characters.", 0, 4, 0);
    return pkn_file_commit(&writer);
}

/* 0 old, 1 new contents, else -1 */
static int file_contents(const pkn_file *file) {
    size_t count;
    const uint64_t *numbers = (const uint64_t *)pkn_file_get(file, "numbers", 8, &count);
    const unsigned char *blob;
    int newer;
    if (!numbers || count != 3 || numbers[0] != 7 || numbers[2] < 9 || numbers[2] > 10) return -1;
    newer = numbers[2] == 10;
    blob = (const unsigned char *)pkn_file_get(file, "blob", 1, &count);
    if (!blob || count != FILE_BLOB) return -1;
    for (size_t i = 0; i < FILE_BLOB; i++)
        if (blob[i] != i + (size_t)newer) return -1;
    if (!pkn_file_get(file, "a name of 24 characters.", 4, &count) || count != 0) return -1;
    return newer;
}

static int file_load(const char *path) {
    pkn_file file;
    int contents;
    if (pkn_file_open(&file, path, "test", 3, 0) != PKERN_OK) return -1;
    contents = file_contents(&file);
    pkn_file_close(&file);
    return contents;
}

Test(hdc_file, what_was_saved_is_loaded) {
    file_folder folder = file_folder_new();
    pkn_file file;
    size_t count;
    errno = 77;
    cr_assert_eq(file_save(folder.file, 0), PKERN_OK);
    cr_assert_eq(file_load(folder.file), 0);
    cr_assert_eq(file_save(folder.file, 1), PKERN_OK);
    cr_assert_eq(file_load(folder.file), 1);
    cr_assert_eq(errno, 77);
    cr_assert_eq(pkn_file_open(&file, folder.file, "test", 9, 0), PKERN_OK);
    cr_assert_eq(file.version, 3u);
    cr_assert_eq((uintptr_t)pkn_file_get(&file, "blob", 1, &count) % PKN_FILE_ALIGNMENT, 0u);
    cr_assert_null(pkn_file_get(&file, "blob", 2, &count));
    cr_assert_eq(count, 0u);
    cr_assert_null(pkn_file_get(&file, "blo", 1, &count));
    cr_assert_null(pkn_file_get(&file, "", 1, &count));
    cr_assert_null(pkn_file_get(&file, "a name of 25 characters..", 4, &count));
    pkn_file_close(&file);
    pkn_file_close(&file);
    file_folder_delete(&folder, 1);
}

Test(hdc_file, a_file_beside_the_program_needs_no_folder) {
    file_folder folder = file_folder_new();
    char before[400];
    cr_assert_not_null(getcwd(before, sizeof before));
    cr_assert_eq(chdir(folder.path), 0);
    cr_assert_eq(file_save("file", 1), PKERN_OK);
    cr_assert_eq(file_load("file"), 1);
    cr_assert_eq(chdir(before), 0);
    file_folder_delete(&folder, 1);
}

static pkern_status file_open_bytes(const void *bytes, size_t n_bytes, int *contents) {
    pkn_file file;
    pkern_status status = pkn_file_open_memory(&file, bytes, n_bytes, "test", 3);
    *contents = status == PKERN_OK ? file_contents(&file) : -1;
    return status;
}

Test(hdc_file, every_changed_byte_is_noticed) {
    file_folder folder = file_folder_new();
    size_t n_bytes;
    unsigned char *bytes;
    int contents;
    cr_assert_eq(file_save(folder.file, 0), PKERN_OK);
    bytes = file_slurp(folder.file, &n_bytes);
    cr_assert_eq(n_bytes, 64u + 3 * 64 + 64 + 128);
    cr_assert_eq(file_open_bytes(bytes, n_bytes, &contents), PKERN_OK);
    cr_assert_eq(contents, 0);
    for (size_t i = 0; i < n_bytes; i++) {
        for (unsigned flip = 1; flip < 256; flip++) {
            pkern_status status;
            bytes[i] ^= (unsigned char)flip;
            status = file_open_bytes(bytes, n_bytes, &contents);
            cr_assert_eq(status, i < 8 ? PKERN_EFORMAT : PKERN_ECORRUPT, "byte %zu: %d", i, status);
            bytes[i] ^= (unsigned char)flip;
        }
        /* from the disk, too */
        bytes[i] ^= 0x10;
        file_spit(folder.file, bytes, n_bytes);
        cr_assert_eq(file_load(folder.file), -1);
        bytes[i] ^= 0x10;
    }
    free(bytes);
    file_folder_delete(&folder, 1);
}

/* As files of the system do: there is something to read, but the size is said to be 0. */
Test(hdc_file, a_file_that_claims_to_be_empty_is_corrupt) {
    unsigned char bytes[sizeof(pkn_file_header) + 8];
    pkn_file_header header;
    pkn_file file;
    int ends[2];
    memset(&header, 0, sizeof header);
    memcpy(header.magic, pkn_file_magic, sizeof header.magic);
    memcpy(header.kind, "test", 4);
    header.format = PKN_FILE_FORMAT;
    header.version = 3;
    header.n_sections = 1000;
    header.header_checksum = pkn_file_header_checksum(&header);
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, &header, sizeof header);
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(write(ends[1], bytes, sizeof bytes), (ssize_t)sizeof bytes);
    FILE *stream = fdopen(ends[0], "rb");
    cr_assert_not_null(stream);
    memset(&file, 0, sizeof file);
    cr_assert_eq(pkn_file_open_stream(&file, stream, "test", 3), PKERN_ECORRUPT);
    fclose(stream);
    close(ends[1]);
}

Test(hdc_file, the_longest_names_can_be_saved) {
    file_folder folder = file_folder_new();
    char path[400];
    for (size_t length = 230; length <= 255; length += 5) {
        snprintf(path, sizeof path, "%s/", folder.path);
        size_t begin = strlen(path);
        memset(path + begin, 'x', length);
        path[begin + length] = 0;
        cr_assert_eq(file_save(path, 1), PKERN_OK, "a name of %zu bytes", length);
        cr_assert_eq(file_load(path), 1);
    }
    file_folder_delete(&folder, 6);
}

Test(hdc_file, every_other_length_is_noticed) {
    file_folder folder = file_folder_new();
    size_t n_bytes;
    unsigned char *bytes;
    pkn_file file;
    cr_assert_eq(file_save(folder.file, 0), PKERN_OK);
    bytes = file_slurp(folder.file, &n_bytes);
    for (size_t n = 0; n < n_bytes; n++) {
        unsigned char *part = (unsigned char *)malloc(n + 1);
        memcpy(part, bytes, n);
        cr_assert_eq(pkn_file_open_memory(&file, part, n, "test", 3), PKERN_ECORRUPT, "%zu", n);
        file_spit(folder.file, part, n);
        cr_assert_eq(pkn_file_open(&file, folder.file, "test", 3, 0), PKERN_ECORRUPT, "%zu", n);
        free(part);
    }
    bytes = (unsigned char *)realloc(bytes, n_bytes + 64);
    memset(bytes + n_bytes, 0, 64);
    for (size_t more = 1; more <= 64; more += 63) {
        file_spit(folder.file, bytes, n_bytes + more);
        cr_assert_eq(pkn_file_open(&file, folder.file, "test", 3, 0), PKERN_ECORRUPT);
    }
    free(bytes);
    file_folder_delete(&folder, 1);
}

/* Every field set to extreme values, with right checksums: refused, or harmless. */
Test(hdc_file, tables_that_lie_are_refused) {
    static const uint64_t values[] = {0,
                                      1,
                                      2,
                                      63,
                                      64,
                                      65,
                                      448,
                                      449,
                                      512,
                                      1u << 20,
                                      UINT32_MAX,
                                      UINT64_C(1) << 61,
                                      UINT64_C(1) << 63,
                                      UINT64_MAX - 63,
                                      UINT64_MAX};
    file_folder folder = file_folder_new();
    size_t n_bytes;
    unsigned char *bytes, *changed;
    int contents;
    cr_assert_eq(file_save(folder.file, 0), PKERN_OK);
    bytes = file_slurp(folder.file, &n_bytes);
    changed = (unsigned char *)malloc(n_bytes);
    for (size_t field = 24; field < 64 + 3 * 64; field += 8) {
        for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
            memcpy(changed, bytes, n_bytes);
            memcpy(changed + field, &values[v], 8);
            file_seal(changed, n_bytes);
            if (file_open_bytes(changed, n_bytes, &contents) == PKERN_OK) {
                int spare = field == 40 || (field >= 64 && field % 64 == 48);
                int sums = field == 48 || field == 56 || (field >= 64 && field % 64 == 56);
                int name = field >= 64 && field % 64 < 24;
                int size = field >= 64 && field % 64 >= 24 && field % 64 < 48;
                int same = memcmp(bytes, changed, n_bytes) == 0;
                cr_assert(spare || sums || name || size || same, "field %zu value %zu", field, v);
            }
        }
    }
    free(changed);
    free(bytes);
    file_folder_delete(&folder, 1);
}

Test(hdc_file, foreign_and_newer_files_are_told_apart) {
    file_folder folder = file_folder_new();
    pkn_file file;
    size_t n_bytes;
    unsigned char *bytes;
    uint32_t format = PKN_FILE_FORMAT + 1;
    cr_assert_eq(file_save(folder.file, 0), PKERN_OK);
    cr_assert_eq(pkn_file_open(&file, folder.file, "test", 2, 0), PKERN_EVERSION);
    cr_assert_eq(pkn_file_open(&file, folder.file, "tes", 3, 0), PKERN_EFORMAT);
    cr_assert_eq(pkn_file_open(&file, folder.file, "testing", 3, 0), PKERN_EFORMAT);
    bytes = file_slurp(folder.file, &n_bytes);
    memcpy(bytes + 16, &format, sizeof format);
    file_seal(bytes, n_bytes);
    file_spit(folder.file, bytes, n_bytes);
    cr_assert_eq(pkn_file_open(&file, folder.file, "test", 3, 0), PKERN_EVERSION);
    file_spit(folder.file, "some text of the user's, longer than a header of 64 bytes would be.\n",
              68);
    cr_assert_eq(pkn_file_open(&file, folder.file, "test", 3, 0), PKERN_EFORMAT);
    file_spit(folder.file, "x", 1);
    cr_assert_eq(pkn_file_open(&file, folder.file, "test", 3, 0), PKERN_EFORMAT);
    cr_assert_eq(pkn_file_open(&file, folder.path, "test", 3, 0), PKERN_EIO);
    cr_assert_eq(pkn_file_open(&file, 0, "test", 3, 0), PKERN_EINVAL);
    free(bytes);
    file_folder_delete(&folder, 1);
    cr_assert_eq(pkn_file_open(&file, folder.file, "test", 3, 0), PKERN_ENOENT);
    cr_assert_eq(file_save(folder.file, 0), PKERN_EIO);
    cr_assert_eq(file_save(0, 0), PKERN_EINVAL);
}

Test(hdc_file, a_stopped_save_leaves_the_old_file) {
    int steps = file_stopped_saves(file_save, file_load);
    cr_assert_geq(steps, 10);
}

Test(hdc_file, a_full_disk_leaves_the_old_file) {
    file_folder folder = file_folder_new();
    cr_assert_eq(file_save(folder.file, 0), PKERN_OK);
    for (rlim_t limit = 0; limit < 448; limit += 32) {
        int result = 0;
        pid_t child;
        fflush(0);
        child = fork();
        cr_assert_geq(child, 0);
        if (child == 0) {
            struct rlimit bound;
            bound.rlim_cur = limit;
            bound.rlim_max = limit;
            signal(SIGXFSZ, SIG_IGN);
            setrlimit(RLIMIT_FSIZE, &bound);
            _exit(file_save(folder.file, 1) == PKERN_EIO ? 0 : 1);
        }
        cr_assert_eq(waitpid(child, &result, 0), child);
        cr_assert_eq(result, 0);
        cr_assert_eq(file_load(folder.file), 0);
    }
    file_folder_delete(&folder, 1);
}

Test(hdc_file, wrong_use_of_a_writer_is_an_error) {
    file_folder folder = file_folder_new();
    pkn_file_writer writer;
    uint64_t number = 5;
    for (int fault = 0; fault < 9; fault++) {
        pkn_file_create(&writer, folder.file,
                        fault == 0   ? ""
                        : fault == 1 ? "too long."
                                     : "test",
                        1, fault == 2 ? PKN_FILE_MAX_SECTIONS + 1 : 1, 0);
        if (fault != 3)
            pkn_file_section(&writer, fault == 4 ? "" : "one", fault == 5 ? 0 : 8,
                             fault == 6 ? SIZE_MAX : 1);
        if (fault != 7) pkn_file_write(&writer, &number, 8);
        if (fault == 8) pkn_file_write(&writer, &number, 1);
        if (fault == 2)
            for (int i = 0; i <= PKN_FILE_MAX_SECTIONS; i++)
                pkn_file_put(&writer, "more", &number, 8, 1);
        cr_assert_eq(pkn_file_commit(&writer), PKERN_EINVAL, "fault %d", fault);
    }
    pkn_file_create(&writer, folder.file, "test", 1, 1, 0);
    pkn_file_put(&writer, "one", &number, 8, 1);
    pkn_file_put(&writer, "two", &number, 8, 1);
    cr_assert_eq(pkn_file_commit(&writer), PKERN_EINVAL);
    pkn_file_create(&writer, folder.file, "test", 1, 0, 0);
    pkn_file_fail(&writer, PKERN_ECANCELED);
    pkn_file_fail(&writer, PKERN_EIO);
    cr_assert_eq(pkn_file_commit(&writer), PKERN_ECANCELED);
    file_folder_delete(&folder, 0);
}

Test(hdc_file, allocations_that_fail_are_reported_and_leave_nothing) {
    file_folder folder = file_folder_new();
    hdc_allocator_state state;
    pkern_allocator allocator = {hdc_allocate, hdc_release, 0};
    pkn_file_writer writer;
    allocator.user = &state;
    memset(&state, 0, sizeof state);
    pkn_file_create(&writer, folder.file, "test", 1, 0, &allocator);
    cr_assert_eq(pkn_file_commit(&writer), PKERN_ENOMEM);
    state.left = 2;
    pkn_file_create(&writer, folder.file, "test", 1, 0, &allocator);
    cr_assert_eq(pkn_file_commit(&writer), PKERN_OK);
    cr_assert_eq(pkn_atomic_load_relaxed_u32(&state.out), 0u);
    file_folder_delete(&folder, 1);
}

Test(hdc_file, checksum_of_pieces_is_that_of_the_whole) {
    unsigned char data[200];
    uint64_t seen[200];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (unsigned char)pkn_random_at(FILE_SEED, i);
    for (size_t n = 0; n < sizeof data; n++) {
        uint64_t whole = pkn_checksum_of(FILE_SEED, data, n);
        for (size_t piece = 1; piece < 70; piece++) {
            pkn_checksum sum;
            pkn_checksum_begin(&sum, FILE_SEED);
            for (size_t i = 0; i < n; i += piece)
                pkn_checksum_add(&sum, data + i, pkn_min_size(piece, n - i));
            cr_assert_eq(pkn_checksum_end(&sum), whole, "%zu by %zu", n, piece);
        }
        cr_assert_neq(pkn_checksum_of(FILE_SEED + 1, data, n), whole);
        seen[n] = whole;
        for (size_t i = 0; i < n; i++) cr_assert_neq(seen[i], whole);
    }
    /* files depend on these values */
    cr_assert_eq(pkn_checksum_of(0, "", 0), UINT64_C(0x80ddee52b10677d9));
    cr_assert_eq(pkn_checksum_of(0, "pkern", 5), UINT64_C(0x4bc3046f2076fe5b));
    memset(data, 0xa5, sizeof data);
    cr_assert_eq(pkn_checksum_of(1, data, 200), UINT64_C(0x069f1bb3baa75e29));
}

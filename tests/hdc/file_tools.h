/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The pkern authors */
/* What the tests of saved files share: a folder of their own, whole files in memory, and a save
   that is stopped at each of its steps. */
#ifndef PKN_TEST_HDC_FILE_TOOLS_H
#define PKN_TEST_HDC_FILE_TOOLS_H

#include "hdc_oracle.h"
#include "file_seal.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct file_folder {
    char path[64], file[80];
} file_folder;

static inline file_folder file_folder_new(void) {
    file_folder folder;
    /* where to wait for the disk is to wait for nothing */
    snprintf(folder.path, sizeof folder.path, "%s/pkern_test_XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    cr_assert_not_null(mkdtemp(folder.path));
    snprintf(folder.file, sizeof folder.file, "%s/file", folder.path);
    return folder;
}

/* Removes what is in the folder, and says how many files that were. */
static inline int file_folder_clear(const file_folder *folder) {
    DIR *listing = opendir(folder->path);
    int n = 0;
    cr_assert_not_null(listing);
    for (struct dirent *entry; (entry = readdir(listing)) != 0;) {
        char path[400];
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", folder->path, entry->d_name);
        cr_assert_eq(remove(path), 0);
        n++;
    }
    closedir(listing);
    return n;
}

/* Fails where more or fewer than n files are left. */
static inline void file_folder_delete(const file_folder *folder, int n) {
    int left = file_folder_clear(folder);
    cr_assert_eq(left, n, "%d files left, not %d", left, n);
    cr_assert_eq(rmdir(folder->path), 0);
}

/* Aligned to 8, as file_open_memory wants it. */
static inline unsigned char *file_slurp(const char *path, size_t *n_bytes) {
    FILE *stream = fopen(path, "rb");
    unsigned char *bytes;
    cr_assert_not_null(stream);
    fseek(stream, 0, SEEK_END);
    *n_bytes = (size_t)ftell(stream);
    rewind(stream);
    bytes = (unsigned char *)malloc(*n_bytes + 1);
    cr_assert_eq(fread(bytes, 1, *n_bytes, stream), *n_bytes);
    fclose(stream);
    return bytes;
}

static inline void file_spit(const char *path, const void *bytes, size_t n_bytes) {
    FILE *stream = fopen(path, "wb");
    cr_assert_not_null(stream);
    cr_assert_eq(fwrite(bytes, 1, n_bytes, stream), n_bytes);
    cr_assert_eq(fclose(stream), 0);
}

/* load(path) returns the status of a load and frees what it made, of which a failure leaves nothing. */
typedef pkern_status (*file_load_fn)(const char *path);

/* Writes files to path that load has to refuse: no such thing at all, another kind, a newer version. */
static inline void file_refuses_others(const char *path, const char *kind, const char *other_kind,
                                       uint32_t version, file_load_fn load) {
    pkn_file_writer writer;
    file_spit(path, "no such thing, but longer than a header has to be, as all can see", 65);
    cr_assert_eq(load(path), PKERN_EFORMAT);
    pkn_file_create(&writer, path, other_kind, 1, 0, 0);
    cr_assert_eq(pkn_file_commit(&writer), PKERN_OK);
    cr_assert_eq(load(path), PKERN_EFORMAT);
    pkn_file_create(&writer, path, kind, version + 1, 0, 0);
    cr_assert_eq(pkn_file_commit(&writer), PKERN_OK);
    cr_assert_eq(load(path), PKERN_EVERSION);
}

/* Changes one bit of the good file at path, and cuts it off, at each of its first `all` bytes and at
   every stride-th behind them: load has to refuse that. Then the file is good again. */
static inline void file_refuses_damage(const char *path, size_t all, size_t stride,
                                       file_load_fn load) {
    size_t n_bytes;
    unsigned char *bytes = file_slurp(path, &n_bytes);
    for (size_t at = 0; at < n_bytes; at += at < all ? 1 : stride) {
        for (int cut = 0; cut < 2; cut++) {
            bytes[at] ^= (unsigned char)(1 << at % 8);
            file_spit(path, bytes, cut ? at : n_bytes);
            bytes[at] ^= (unsigned char)(1 << at % 8);
            cr_assert_eq(load(path), at < 8 && !cut ? PKERN_EFORMAT : PKERN_ECORRUPT, "byte %zu",
                         at);
        }
    }
    file_spit(path, bytes, n_bytes);
    free(bytes);
    cr_assert_eq(load(path), PKERN_OK);
}

/* Which step of a save to stop at, counted down, and how. */
static int file_steps_left, file_step_ends_process;

static inline int file_step(const char *step) {
    (void)step;
    if (--file_steps_left >= 0) return 0;
    if (file_step_ends_process) _exit(55);
    return 1;
}

/* save(path, ctx) over the file of an earlier save(path, 0) is stopped at each step, by an error
   and by the process's end: what load(path) says is 0 for the old contents, 1 for the new. Returns
   the number of steps. */
static inline int file_stopped_saves(pkern_status (*save)(const char *path, int newer),
                                     int (*load)(const char *path)) {
    file_folder folder = file_folder_new();
    int steps = 0, saved = 0;
    for (; !saved; steps++) {
        for (file_step_ends_process = 0; file_step_ends_process < 2; file_step_ends_process++) {
            int result = 0;
            pid_t child;
            (void)file_folder_clear(&folder);
            cr_assert_eq(save(folder.file, 0), PKERN_OK);
            fflush(0);
            child = fork();
            cr_assert_geq(child, 0);
            if (child == 0) {
                file_steps_left = steps;
                test_disk_step = file_step;
                _exit(save(folder.file, 1) == PKERN_OK ? 0 : 44);
            }
            cr_assert_eq(waitpid(child, &result, 0), child);
            cr_assert(WIFEXITED(result));
            saved = WEXITSTATUS(result) == 0;
            cr_assert(saved || WEXITSTATUS(result) == (file_step_ends_process ? 55 : 44),
                      "step %d: exit %d", steps, WEXITSTATUS(result));
            cr_assert_eq(load(folder.file), saved, "step %d", steps);
            /* an error leaves nothing behind */
            if (!file_step_ends_process) cr_assert_eq(file_folder_clear(&folder), 1);
        }
    }
    file_step_ends_process = 0;
    (void)file_folder_clear(&folder);
    file_folder_delete(&folder, 0);
    return steps - 1;
}

#endif

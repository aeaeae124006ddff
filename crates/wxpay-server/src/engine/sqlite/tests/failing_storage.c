/* Storage that fails on command, and that knows what a power cut would leave: a library to preload into a test.
 *
 * It watches files whose path contains "/live/". A write or sync of one fails when the test has asked for it. What is
 * durable is kept in the file of the same name under "/durable/": a successful sync copies there what was written since
 * the last one. What was written before a failed sync is never copied unless it is written again: Linux marks such
 * pages as clean. A deleted file comes back unless its directory was synced since.
 *
 * The test gives commands by opening paths that do not exist (it is Rust without `unsafe`):
 *   /failing-storage/arm/KIND/N/TIMES/ERRNO  the N-th operation of KIND ("write" or "sync") and the TIMES - 1 that
 *                                            follow fail with ERRNO, a write after half of it
 *   /failing-storage/failures                the error number is 1000 + the number of failures since
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define MAX_PATH 512
#define MAX_FDS 4096
#define MAX_UNSYNCED 65536
#define TRUNCATION ((size_t)-1)

/* What was written since the last sync. */
struct change { char *durable; off_t offset; size_t length; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *durable_path[MAX_FDS];
static struct change unsynced[MAX_UNSYNCED];
static int unsynced_count;
/* Durable files whose live twin was deleted since the last sync of a directory. */
static char *deleted[MAX_UNSYNCED];
static int deleted_count;
static char armed_kind[16];
static long until_failure, failures_left, failures;
static int failure;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* Returns whether this operation must fail. */
static int fails(const char *kind) {
    if (strcmp(kind, armed_kind) != 0) return 0;
    if (until_failure > 1) { until_failure--; return 0; }
    if (failures_left == 0) return 0;
    failures_left--;
    failures++;
    return 1;
}

static int command(const char *path) {
    char kind[16] = "";
    long n, times;
    int error;
    pthread_mutex_lock(&lock);
    if (sscanf(path, "/failing-storage/arm/%15[a-z]/%ld/%ld/%d", kind, &n, &times, &error) == 4) {
        strcpy(armed_kind, kind);
        until_failure = n;
        failures_left = times;
        failure = error;
        failures = 0;
    }
    errno = 1000 + (int)failures;
    pthread_mutex_unlock(&lock);
    return -1;
}

static char *watched(int fd) { return fd >= 0 && fd < MAX_FDS ? durable_path[fd] : NULL; }

/* Returns the path of the durable twin, or NULL if the file is not watched. */
static char *twin_of(const char *path) {
    const char *live = strstr(path, "/live/");
    if (live == NULL) return NULL;
    char durable[MAX_PATH];
    snprintf(durable, sizeof durable, "%.*s/durable/%s", (int)(live - path), path, live + strlen("/live/"));
    return strdup(durable);
}

static int opened(const char *path, int fd) {
    if (fd < 0 || fd >= MAX_FDS) return fd;
    pthread_mutex_lock(&lock);
    durable_path[fd] = twin_of(path);
    pthread_mutex_unlock(&lock);
    return fd;
}

static void changed(const char *durable, off_t offset, size_t length) {
    if (unsynced_count == MAX_UNSYNCED) abort();
    unsynced[unsynced_count++] = (struct change){ strdup(durable), offset, length };
}

/* A file that is created again is no longer deleted. */
static void keep(const char *durable) {
    int kept = 0;
    for (int i = 0; i < deleted_count; i++) {
        if (strcmp(deleted[i], durable) != 0) deleted[kept++] = deleted[i];
        else free(deleted[i]);
    }
    deleted_count = kept;
}

/* Copies the unsynced changes of a file to its durable twin, or forgets them. */
static void settle(int fd, const char *durable, int copy) {
    if (copy) keep(durable);
    int twin = copy ? REAL(open)(durable, O_WRONLY | O_CREAT, 0600) : -1;
    int kept = 0;
    for (int i = 0; i < unsynced_count; i++) {
        struct change change = unsynced[i];
        if (strcmp(change.durable, durable) != 0) { unsynced[kept++] = change; continue; }
        if (copy && change.length == TRUNCATION) {
            if (REAL(ftruncate)(twin, change.offset) != 0) abort();
        } else if (copy) {
            char *bytes = malloc(change.length);
            ssize_t count = pread(fd, bytes, change.length, change.offset);
            if (count > 0 && REAL(pwrite)(twin, bytes, (size_t)count, change.offset) != count) abort();
            free(bytes);
        }
        free(change.durable);
    }
    unsynced_count = kept;
    if (twin >= 0) REAL(close)(twin);
}

static int is_directory(int fd) {
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
}

static void settle_deletions(void) {
    for (int i = 0; i < deleted_count; i++) {
        REAL(unlink)(deleted[i]);
        free(deleted[i]);
    }
    deleted_count = 0;
}

static ssize_t write_at(int fd, const void *bytes, size_t length, off_t offset) {
    char *durable = watched(fd);
    if (durable == NULL) return REAL(pwrite)(fd, bytes, length, offset);
    pthread_mutex_lock(&lock);
    int failing = fails("write");
    ssize_t count = REAL(pwrite)(fd, bytes, failing ? length / 2 : length, offset);
    if (count > 0) changed(durable, offset, (size_t)count);
    if (failing) { errno = failure; count = -1; }
    pthread_mutex_unlock(&lock);
    return count;
}

static int truncate_to(int fd, off_t size) {
    char *durable = watched(fd);
    if (durable == NULL) return REAL(ftruncate)(fd, size);
    pthread_mutex_lock(&lock);
    int result = -1;
    if (fails("write")) {
        errno = failure;
    } else {
        result = REAL(ftruncate)(fd, size);
        changed(durable, size, TRUNCATION);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

static int sync_file(int fd) {
    char *durable = watched(fd);
    if (durable == NULL) return REAL(fdatasync)(fd);
    pthread_mutex_lock(&lock);
    int failing = fails("sync");
    if (!is_directory(fd)) settle(fd, durable, !failing);
    else if (!failing) settle_deletions();
    if (failing) errno = failure;
    pthread_mutex_unlock(&lock);
    return failing ? -1 : 0;
}

#define OPEN(name)                                                                     \
    int name(const char *path, int flags, ...) {                                       \
        va_list rest;                                                                  \
        va_start(rest, flags);                                                         \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;      \
        va_end(rest);                                                                  \
        if (strncmp(path, "/failing-storage/", 17) == 0) return command(path);         \
        return opened(path, REAL(name)(path, flags, mode));                            \
    }
OPEN(open)
OPEN(open64)

int unlink(const char *path) {
    char *durable = twin_of(path);
    int result = REAL(unlink)(path);
    if (durable == NULL || result != 0) { free(durable); return result; }
    pthread_mutex_lock(&lock);
    if (deleted_count == MAX_UNSYNCED) abort();
    deleted[deleted_count++] = durable;
    pthread_mutex_unlock(&lock);
    return result;
}

int close(int fd) {
    if (watched(fd) != NULL) {
        pthread_mutex_lock(&lock);
        free(durable_path[fd]);
        durable_path[fd] = NULL;
        pthread_mutex_unlock(&lock);
    }
    return REAL(close)(fd);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return write_at(fd, bytes, length, offset); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) { return write_at(fd, bytes, length, offset); }
ssize_t write(int fd, const void *bytes, size_t length) {
    if (watched(fd) == NULL) return REAL(write)(fd, bytes, length);
    off_t offset = lseek(fd, 0, SEEK_CUR);
    ssize_t count = write_at(fd, bytes, length, offset);
    if (count > 0) lseek(fd, offset + count, SEEK_SET);
    return count;
}
int ftruncate(int fd, off_t size) { return truncate_to(fd, size); }
int ftruncate64(int fd, off64_t size) { return truncate_to(fd, size); }
int fsync(int fd) { return sync_file(fd); }
int fdatasync(int fd) { return sync_file(fd); }

/* Stands in front of the C library in a server's process, and sets its clock by
 * the milliseconds in the file that STREAM_CLOCK names. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

static volatile int64_t *shift;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("STREAM_CLOCK");
    int file = name ? open(name, O_RDONLY) : -1;
    if (file < 0)
        return;
    void *map = mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
    if (map != MAP_FAILED)
        shift = map;
}

static int64_t micros(void) {
    return shift ? *shift * 1000 : 0;
}

int gettimeofday(struct timeval *tv, void *tz) {
    static int (*real)(struct timeval *, void *);
    if (!real)
        real = (int (*)(struct timeval *, void *))dlsym(RTLD_NEXT, "gettimeofday");
    int result = real(tv, tz);
    if (result == 0) {
        int64_t now = (int64_t)tv->tv_sec * 1000000 + tv->tv_usec + micros();
        tv->tv_sec = now / 1000000;
        tv->tv_usec = now % 1000000;
    }
    return result;
}

int clock_gettime(clockid_t clock, struct timespec *ts) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, ts);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        ts->tv_sec += micros() / 1000000;
    return result;
}

time_t time(time_t *out) {
    struct timeval tv;
    gettimeofday(&tv, NULL);
    if (out)
        *out = tv.tv_sec;
    return tv.tv_sec;
}

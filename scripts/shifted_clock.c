/* Shifts the wall clock of a process by LORAPIPE_CLOCK_SHIFT seconds (scripts/at_date.py preloads it). The monotonic clock
   and every sleep stay as they are. Debian's libfaketime 0.9.10 was tried: with the monotonic clock unfaked its
   clock_nanosleep returns EINVAL, so that Python's time.sleep fails. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long long shift_s(void) {
  static long long shift;
  static int known;
  if (!known) {
    const char *text = getenv("LORAPIPE_CLOCK_SHIFT");
    shift = text ? atoll(text) : 0;
    known = 1;
  }
  return shift;
}

int clock_gettime(clockid_t clock, struct timespec *moment) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int failed = real(clock, moment);
  if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) moment->tv_sec += shift_s();
  return failed;
}

int gettimeofday(struct timeval *restrict moment, void *restrict zone) {
  (void)zone;
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
  moment->tv_sec = now.tv_sec;
  moment->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *moment) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (moment) *moment = now.tv_sec;
  return now.tv_sec;
}

import { cpuMs } from '../../uptime.ts';

/** Clock ids (man 2 clock_gettime). */
export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;
export const CLOCK_PROCESS_CPUTIME_ID = 2;
export const CLOCK_THREAD_CPUTIME_ID = 3;
export const CLOCK_MONOTONIC_RAW = 4;
export const CLOCK_REALTIME_COARSE = 5;
export const CLOCK_MONOTONIC_COARSE = 6;
export const CLOCK_BOOTTIME = 7;
export const CLOCK_TAI = 11;

/** Seconds and nanoseconds, written in place so that reading a clock allocates nothing that lasts. */
export interface ClockValue {
  sec: number;
  nsec: number;
}

/** Milliseconds since boot, on the host's monotonic clock. */
export function monotonicMs(): number {
  const [sec, nsec] = process.hrtime();
  return sec * 1000 + nsec / 1e6;
}

let offset = Number.NEGATIVE_INFINITY;

/**
 * Milliseconds since the epoch with a fraction: the monotonic clock, moved so that it runs at most a millisecond behind
 * Date.now(), which has whole ones. Follows a host clock that is set.
 */
export function realtimeMs(): number {
  const now = monotonicMs();
  const least = Date.now() - now;
  if (least > offset || offset - least > 2) offset = least;
  return now + offset;
}

function split(ms: number): ClockValue {
  let sec = Math.floor(ms / 1000);
  let nsec = Math.round((ms - sec * 1000) * 1e6);
  if (nsec >= 1e9) {
    sec++;
    nsec -= 1e9;
  }
  return { sec, nsec };
}

/** Milliseconds as seconds and nanoseconds. */
export const fromMs: (ms: number) => ClockValue = split;

/** Read a clock; null for an unknown one (EINVAL). */
export function readClock(id: number): ClockValue | null {
  switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI:
      return split(realtimeMs());
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME: {
      const [sec, nsec] = process.hrtime();
      return { sec, nsec };
    }
    case CLOCK_PROCESS_CPUTIME_ID:
    case CLOCK_THREAD_CPUTIME_ID:
      return split(cpuMs());
    default:
      return null;
  }
}

/** Current time of a clock in milliseconds, or NaN for one that cannot be slept on. */
export function clockMs(id: number): number {
  if (id === CLOCK_REALTIME || id === CLOCK_TAI) return realtimeMs();
  if (id === CLOCK_MONOTONIC || id === CLOCK_BOOTTIME) return monotonicMs();
  const value = id === CLOCK_PROCESS_CPUTIME_ID ? readClock(id) : null;
  return value === null ? Number.NaN : value.sec * 1000 + value.nsec / 1e6;
}

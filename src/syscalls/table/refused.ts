import { INT, PTR, R_INT } from '../args.ts';
import { type Syscall, syscall } from '../define.ts';
import { ENOSYS, EPERM } from '../errno.ts';

const NOT_BUILT = {
  support: 'none',
  note: 'ENOSYS without a message, as on a kernel built without it: programs probe for it and go another way.',
} as const;
/** Calls that programs try first and replace on ENOSYS. */
const notBuilt: readonly Syscall[] = [
  'acct',
  'add_key',
  'bpf',
  'delete_module',
  'fanotify_init',
  'fanotify_mark',
  'finit_module',
  'get_mempolicy',
  'init_module',
  'io_setup',
  'io_uring_setup',
  'kcmp',
  'keyctl',
  'landlock_create_ruleset',
  'mbind',
  'memfd_secret',
  'migrate_pages',
  'move_pages',
  'name_to_handle_at',
  'openat2',
  'perf_event_open',
  'quotactl',
  'request_key',
  'set_mempolicy',
  'set_mempolicy_home_node',
  'userfaultfd',
].map((name) => syscall(name, { arg0: INT, arg1: PTR, arg2: PTR }, R_INT, () => -ENOSYS, NOT_BUILT));

const NOT_ALLOWED = {
  support: 'none',
  note: 'EPERM, as for a process without the capability that it needs.',
} as const;
/** Calls for CAP_SYS_ADMIN, CAP_SYS_BOOT, CAP_SYS_TIME, CAP_SYS_TTY_CONFIG and CAP_DAC_READ_SEARCH (man 7 capabilities). */
const notAllowed: readonly Syscall[] = [
  'fsmount',
  'fsopen',
  'fspick',
  'mount',
  'move_mount',
  'open_by_handle_at',
  'pivot_root',
  'reboot',
  'setns',
  'settimeofday',
  'swapoff',
  'swapon',
  'umount2',
  'vhangup',
].map((name) =>
  syscall(name, { arg0: PTR, arg1: PTR, arg2: PTR, arg3: PTR, arg4: PTR }, R_INT, () => -EPERM, NOT_ALLOWED),
);

/** Calls that a kernel may be built without, or that take a privilege which no guest has. */
export const calls: readonly Syscall[] = [...notBuilt, ...notAllowed];

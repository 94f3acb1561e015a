import { attribute, u32 } from './netlink-messages.ts';
import { AF_INET, AF_INET6, AF_UNSPEC } from './socket.ts';

const FR_ACT_TO_TBL = 1;
const RTPROT_KERNEL = 2;
const [MAIN, DEFAULT, LOCAL] = [254, 253, 255];

/** The rules that every machine begins with (man 8 ip-rule): which table is asked in which order. Others cannot be made. */
const RULES = [
  { family: AF_INET, table: LOCAL, priority: 0 },
  { family: AF_INET, table: MAIN, priority: 32766 },
  { family: AF_INET, table: DEFAULT, priority: 32767 },
  { family: AF_INET6, table: LOCAL, priority: 0 },
  { family: AF_INET6, table: MAIN, priority: 32766 },
];

/** struct fib_rule_hdr and FRA_TABLE, FRA_SUPPRESS_PREFIXLEN, FRA_PROTOCOL, FRA_PRIORITY of each rule of a family. */
export function ruleMessages(family: number): Uint8Array[][] {
  return RULES.filter((rule) => family === AF_UNSPEC || rule.family === family).map((rule) => [
    Uint8Array.of(rule.family, 0, 0, 0, rule.table, 0, 0, FR_ACT_TO_TBL, 0, 0, 0, 0),
    attribute(15, u32(rule.table)),
    attribute(14, u32(0xffff_ffff)),
    attribute(21, Uint8Array.of(RTPROT_KERNEL)),
    ...(rule.priority > 0 ? [attribute(6, u32(rule.priority))] : []),
  ]);
}

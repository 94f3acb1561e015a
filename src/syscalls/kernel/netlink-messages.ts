/** Messages of netlink sockets (man 7 netlink). */
const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLM_F_REQUEST = 1;
export const NLM_F_MULTI = 2;
export const NLM_F_ACK = 4;
export const NLM_F_DUMP = 0x300;
/** struct nlmsghdr: length, type, flags, sequence, port. */
const HEADER = 16;

export const align = (length: number): number => (length + 3) & ~3;
export const u32 = (...values: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);
export const text = (value: string): Uint8Array => Uint8Array.from(Buffer.from(`${value}\0`, 'latin1'));

/** An attribute: its length and type, then the value, padded. */
export function attribute(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(align(4 + value.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 4 + value.length, true);
  view.setUint16(2, type, true);
  bytes.set(value, 4);
  return bytes;
}

/** A message that the kernel is sent. */
export interface Request {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Uint8Array;
  /** Header and body, for the error that quotes them. */
  readonly whole: Uint8Array;
}

/** A message of the kernel's to a port. */
export function message(
  port: number,
  { sequence }: Request,
  type: number,
  flags: number,
  ...parts: Uint8Array[]
): Uint8Array {
  const length = HEADER + parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  view.setUint32(12, port, true);
  let at = HEADER;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The requests in what was sent. */
function* requests(bytes: Uint8Array): Generator<Request> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = view.getUint32(at, true);
    if (length < HEADER || at + length > bytes.length) return;
    yield {
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      body: bytes.subarray(at + HEADER, at + length),
      whole: bytes.subarray(at, at + length),
    };
    at += align(length);
  }
}

/** The attributes of a request by type, behind a head of so many bytes. */
export function attributesOf({ body }: Request, head: number): Map<number, Uint8Array> {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const found = new Map<number, Uint8Array>();
  for (let at = head; at + 4 <= body.length; at += align(Math.max(4, view.getUint16(at, true)))) {
    found.set(view.getUint16(at + 2, true), body.subarray(at + 4, at + view.getUint16(at, true)));
  }
  return found;
}

/** NLMSG_ERROR: a negative errno, or 0 to acknowledge. */
export const error = (port: number, request: Request, code: number): Uint8Array[] => [
  message(port, request, NLMSG_ERROR, 0, u32(code), request.whole),
];

/** Most bytes of a datagram with several messages. */
const PIECE = 8192;

function packed(messages: readonly Uint8Array[]): Uint8Array[] {
  const out: Uint8Array[] = [];
  let pending: Uint8Array[] = [];
  let size = 0;
  const flush = (): void => {
    if (pending.length > 0) out.push(Uint8Array.from(Buffer.concat(pending)));
    pending = [];
    size = 0;
  };
  for (const one of messages) {
    if (size + one.length > PIECE) flush();
    const whole = new Uint8Array(align(one.length));
    whole.set(one);
    pending.push(whole);
    size += whole.length;
  }
  flush();
  return out;
}

/** What the kernel answers to what was sent to it, `answer` knowing the requests of one protocol: datagrams of whole messages. */
export function answers(bytes: Uint8Array, answer: (request: Request) => Uint8Array[]): Uint8Array[] {
  return [...requests(bytes)].flatMap((request) => {
    if ((request.flags & NLM_F_REQUEST) === 0) return [];
    const messages = answer(request);
    // what is no list comes one by one: an acknowledgement after what was asked for
    return (request.flags & NLM_F_DUMP) === NLM_F_DUMP ? packed(messages) : messages;
  });
}

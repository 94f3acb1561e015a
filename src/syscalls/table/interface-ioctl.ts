import { EADDRNOTAVAIL, EFAULT, ENODEV, EPERM } from '../errno.ts';
import { isV6 } from '../kernel/inet-address.ts';
import { addressBytes, broadcasts, type Interface, interfacesOf, maskBytes } from '../kernel/interfaces.ts';
import { AF_INET } from '../kernel/socket.ts';
import type { Task } from '../kernel/task.ts';

/** Requests about interfaces, of sockets of any family (man 7 netdevice). */
const SIOCGIFNAME = 0x8910;
const SIOCGIFCONF = 0x8912;
const SIOCGIFFLAGS = 0x8913;
const SIOCGIFADDR = 0x8915;
const SIOCGIFDSTADDR = 0x8917;
const SIOCGIFBRDADDR = 0x8919;
const SIOCGIFNETMASK = 0x891b;
const SIOCGIFMETRIC = 0x891d;
const SIOCGIFMTU = 0x8921;
const SIOCGIFHWADDR = 0x8927;
const SIOCGIFINDEX = 0x8933;
const SIOCGIFTXQLEN = 0x8942;
const NAME = 16;

export const INTERFACE_REQUESTS: readonly (readonly [string, number])[] = Object.entries({
  SIOCGIFNAME,
  SIOCGIFCONF,
  SIOCGIFFLAGS,
  SIOCGIFADDR,
  SIOCGIFDSTADDR,
  SIOCGIFBRDADDR,
  SIOCGIFNETMASK,
  SIOCGIFMETRIC,
  SIOCGIFMTU,
  SIOCGIFHWADDR,
  SIOCGIFINDEX,
  SIOCGIFTXQLEN,
});
/** Requests that would change an interface: SIOCSIFFLAGS … */
const SETTERS = [0x8914, 0x8916, 0x8918, 0x891a, 0x891c, 0x8922, 0x8923, 0x8924, 0x8943];

/** struct ifreq: a name, then a union with a struct ifmap, whose longs make it larger on 64-bit ABIs. */
const sizeOf = (task: Task): number => (task.abi.wordSize === 8 ? 40 : 32);

const integer = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);
function inet(bytes: Uint8Array): Uint8Array {
  const address = new Uint8Array(16);
  address[0] = AF_INET;
  address.set(bytes, 4);
  return address;
}
const first4 = (face: Interface): { bytes: Uint8Array; prefix: number } | null => {
  const found = face.addresses.find(({ host }) => !isV6(host));
  return found === undefined ? null : { bytes: addressBytes(found.host), prefix: found.prefix };
};

/** The union's bytes that answer a request; null: it is about an address and there is none. */
function answer(face: Interface, request: number): Uint8Array | null {
  const four = first4(face);
  switch (request) {
    case SIOCGIFINDEX:
      return integer(face.index);
    case SIOCGIFFLAGS:
      return Uint8Array.of(face.flags & 0xff, (face.flags >> 8) & 0xff);
    case SIOCGIFMTU:
      return integer(face.mtu);
    case SIOCGIFMETRIC:
      return integer(0);
    case SIOCGIFTXQLEN:
      return integer(face.queue);
    case SIOCGIFHWADDR: {
      const address = new Uint8Array(16);
      new DataView(address.buffer).setUint16(0, face.type, true);
      address.set(face.address.subarray(0, 14), 2);
      return address;
    }
    case SIOCGIFADDR:
    case SIOCGIFDSTADDR:
      return four && inet(four.bytes);
    case SIOCGIFNETMASK:
      return four && inet(maskBytes(four.prefix, 4));
    case SIOCGIFBRDADDR:
      return four && inet(broadcasts(face) ? maskBytes(four.prefix, 4, four.bytes) : new Uint8Array(4));
    default:
      return null;
  }
}

const nameBytes = (name: string): Uint8Array => {
  const bytes = new Uint8Array(NAME);
  bytes.set(Buffer.from(name, 'latin1').subarray(0, NAME - 1));
  return bytes;
};

/** SIOCGIFCONF: the IPv4 addresses, as many as there is room for; without a buffer how much they would take. */
function list(task: Task, faces: readonly Interface[], at: number): number {
  const { space } = task;
  const word = task.abi.wordSize;
  if (!space.writable(at, 2 * word)) return -EFAULT;
  const room = space.view.getInt32(at, true);
  const buffer = space.view.getUint32(at + word, true);
  const size = sizeOf(task);
  const found = faces.flatMap((face) =>
    face.addresses.filter(({ host }) => !isV6(host)).map(({ host }) => [face.name, addressBytes(host)] as const),
  );
  if (buffer === 0) return task.putInt(at, found.length * size);
  const fits = found.slice(0, Math.max(0, Math.floor(room / size)));
  for (const [i, [name, bytes]] of fits.entries()) {
    const into = space.writeRange(buffer + i * size, size);
    if (into === null) return -EFAULT;
    into.fill(0);
    into.set(nameBytes(name));
    into.set(inet(bytes), NAME);
  }
  return task.putInt(at, fits.length * size);
}

/** A request about interfaces: its result, or null for another one. */
export function interfaceCall(task: Task, request: number, at: number): number | null {
  if (SETTERS.includes(request)) return -EPERM;
  if (!INTERFACE_REQUESTS.some(([, number]) => number === request)) return null;
  const faces = interfacesOf(task.process.kernel.network);
  if (request === SIOCGIFCONF) return list(task, faces, at);
  const bytes = task.space.writeRange(at, sizeOf(task));
  if (bytes === null) return -EFAULT;
  if (request === SIOCGIFNAME) {
    const index = task.space.view.getInt32(at + NAME, true);
    const face = faces.find((one) => one.index === index);
    if (face === undefined) return -ENODEV;
    bytes.set(nameBytes(face.name));
    return 0;
  }
  const [name] = Buffer.from(bytes.subarray(0, NAME)).toString('latin1').split('\0');
  const face = faces.find((one) => one.name === name);
  if (face === undefined) return -ENODEV;
  const value = answer(face, request);
  if (value === null) return -EADDRNOTAVAIL;
  bytes.set(value, NAME);
  return 0;
}

/** Programs that differ from the oracle, by guest and name, with the reason. One that passes fails the test. */
export const KNOWN_FAILURES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  arm64: {},
  armhf: {},
  armel: {},
  amd64: {},
  i386: {},
};

/** Programs that differ from the oracle, by name, with the reason. One that passes fails the test. */
export const KNOWN_FAILURES: Readonly<Record<string, string>> = {};

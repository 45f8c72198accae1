/** Runs the tests, or reports them as skipped under a name that says why. */
export function describeUnless(missing: string | null, name: string, tests: () => void): void {
  if (missing === null) describe(name, tests);
  else describe.skip(`${name} (${missing})`, tests);
}

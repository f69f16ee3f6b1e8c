/** Options before the verb whose value is the next argument, also at the end of a group (`-qc URI`). */
const TAKES_VALUE =
  /^(?:-[qrtvV]*[cdelkK]|--connect|--debug|--escape|--log|--metrics-file|--keepalive-interval|--keepalive-count|--state-dir)$/

/** The place of the verb in a command line: the first argument that belongs to no option. -1 if there is none. For the choice of a bundle, before one is loaded. */
export function indexOfVerb(argv: readonly string[]): number {
  return argv.findIndex(
    (argument, index) => !argument.startsWith('-') && !TAKES_VALUE.test(argv[index - 1] ?? ''),
  )
}

const TAKES_NONE = /^(?:-[qrt]+|--quiet|--readonly|--timing|--json)$/

/** Whether a command line has options but no verb and asks for no help or version: its commands come from standard input. */
export function hasNoVerb(argv: readonly string[]): boolean {
  return argv.every(
    (argument, index) =>
      TAKES_NONE.test(argument) ||
      TAKES_VALUE.test(argument.replace(/=[^]*$/, '')) ||
      TAKES_VALUE.test(argv[index - 1] ?? ''),
  )
}

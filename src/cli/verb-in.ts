/** Options before the verb whose value is the next argument, also at the end of a group (`-qc URI`). */
const TAKES_VALUE = /^(?:-[qrvV]*[cd]|--connect|--debug|--state-dir)$/

/** The place of the verb in a command line: the first argument that belongs to no option. -1 if there is none. For the choice of a bundle, before one is loaded. */
export function indexOfVerb(argv: readonly string[]): number {
  return argv.findIndex(
    (argument, index) => !argument.startsWith('-') && !TAKES_VALUE.test(argv[index - 1] ?? ''),
  )
}

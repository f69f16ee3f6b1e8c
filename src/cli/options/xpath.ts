import type { Command } from 'commander'

/** Adds `--xpath` and `--wrap`. */
export function declareXPath(command: Command): Command {
  return command
    .option('--xpath <expression>', 'show only the selection of this XPath 1.0 expression')
    .option('--wrap', 'put the selection of --xpath into one element, <nodes>')
}

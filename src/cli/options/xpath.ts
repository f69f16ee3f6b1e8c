import type { Command } from 'commander'

/** Adds `--xpath` and `--wrap`. */
export function declareXPath(command: Command): Command {
  return command
    .option('--xpath <expression>', 'show only what this XPath 1.0 expression selects')
    .option('--wrap', 'put what --xpath selects into one element, <nodes>')
}

import { globSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { importsOf } from '../import-rule/source-text.ts'

/** The command `stasis`. It runs on older versions of Node, too, to refuse them. */
export const ENTRY = 'src/cli/entry.ts'

/** The command line of the verbs that only look. */
export const LOOKING = 'src/cli/looking-main.ts'

/** The command line of the verbs that only ask for states and names. */
export const STATE = 'src/cli/state-main.ts'

/** The whole command line, and those of the verbs that move a guest. */
const COMMAND_LINES = ['src/cli/main.ts', 'src/cli/start-main.ts', 'src/cli/save-main.ts']

/** These command lines, and the programs that others start by `new URL('./x.ts', import.meta.url)`. Paths from `root`. */
export function programsIn(root: string): readonly string[] {
  const programs = new Set<string>(COMMAND_LINES)
  for (const file of globSync('src/**/*.ts', { cwd: root })) {
    if (file.endsWith('.test.ts')) continue
    for (const { specifier, isUrl } of importsOf(readFileSync(posix.join(root, file), 'utf8')))
      if (isUrl) programs.add(posix.join(posix.dirname(file), specifier))
  }
  return [...programs]
}

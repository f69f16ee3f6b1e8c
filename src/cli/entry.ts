import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { codeCacheDirectory, runBundle, runBundleWithSourceMap } from '../io/code-cache.ts'
import { programUrl } from '../io/program-url.ts'
import { LOOKING_VERB_NAMES } from './looking-verb-names.ts'

/**
 * The command `stasis` as a user gets it: runs the bundle of the command line. This file also runs on Node 18, so that a Node that is too old gets a
 * sentence and not a syntax error.
 */
const OLDEST_NODE = 24

if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  process.stderr.write(
    `error: Stasis needs Node.js ${OLDEST_NODE} or newer, but ${process.execPath} is ${process.version}\n`,
  )
  process.exitCode = 1
} else {
  const looks = LOOKING_VERB_NAMES.some((name) => name === process.argv[2])
  const main = fileURLToPath(
    programUrl(
      looks ? new URL('./looking-main.ts', import.meta.url) : new URL('./main.ts', import.meta.url),
    ),
  )
  if (process.env['STASIS_DEBUG']) runBundleWithSourceMap(main)
  else {
    const directory = codeCacheDirectory(join(main, '../cached'))
    runBundle(main, directory === undefined ? undefined : join(directory, `${verbName()}.code`))
  }
}

/** Each verb keeps the compiled code of the functions that it calls. */
function verbName(): string {
  const [verb = ''] = process.argv.slice(2)
  return /^[a-z][a-z-]{0,30}$/.test(verb) ? verb : 'no-verb'
}

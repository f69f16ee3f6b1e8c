import { codeCacheDirectory, runBundle, runBundleWithSourceMap } from '../io/code-cache.ts'
import { VERB_BUNDLES } from './verb-bundles.ts'
import { indexOfVerb } from './verb-in.ts'

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
  const argv = process.argv.slice(2)
  const verb = argv[indexOfVerb(argv)] ?? ''
  // Not by a URL, as other programs are named: to read one takes longer than all else here.
  const main = `${import.meta.dirname}/${bundleOf(verb)}`
  if (process.env['STASIS_DEBUG']) runBundleWithSourceMap(main)
  else {
    const directory = codeCacheDirectory(`${import.meta.dirname}/cached`)
    // Each verb keeps the code of the functions that it calls.
    const name = /^[a-z][a-z-]{0,30}$/.test(verb) ? verb : 'no-verb'
    runBundle(main, directory === undefined ? undefined : `${directory}/${name}.code`)
  }
}

function bundleOf(verb: string): string {
  const found = Object.entries(VERB_BUNDLES).find(([, verbs]) => verbs.includes(verb))
  return found === undefined ? 'main.cjs' : found[0]
}

import type { LookingVerb } from './looking-verb-names.ts'
import { type VerbEntry, entry } from './verb-entry.ts'

/** The verbs that only look at domains; programs call them again and again. They have a bundle of their own, which is a third of the whole. */
export const LOOKING_VERBS: Readonly<Record<LookingVerb, VerbEntry>> = {
  list: entry('list', 'list domains', () => import('./verbs/list.ts')),
  domstate: entry('domstate', 'show the state of a domain', () => import('./verbs/domstate.ts')),
  domjobinfo: entry(
    'domjobinfo',
    'show the progress of a save or restore',
    () => import('./verbs/domjobinfo.ts'),
  ),
}

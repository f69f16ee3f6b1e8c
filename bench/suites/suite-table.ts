import { channelsSuite } from './channels.ts'
import { clonesSuite } from './clones.ts'
import { convertSuite } from './convert.ts'
import { faultsSuite } from './faults.ts'
import { formatsSuite } from './formats.ts'
import { instantSuite } from './instant.ts'
import { levelsSuite } from './levels.ts'
import { liveSuite } from './live.ts'
import { processorsSuite } from './processors.ts'
import { readingSuite } from './reading.ts'
import { restoreSuite, saveSuite } from './save-and-restore.ts'
import { startSuite } from './start.ts'
import { storeSuite } from './store.ts'
import type { Suite } from './suite.ts'
import { throttledSuite } from './throttled.ts'
import { verifySuite } from './verify.ts'

/** What can be measured, by the word on the command line, in the order in which a report shows it. */
export const SUITES: Readonly<Record<SuiteName, Suite>> = {
  start: startSuite,
  save: saveSuite,
  restore: restoreSuite,
  instant: instantSuite,
  faults: faultsSuite,
  live: liveSuite,
  channels: channelsSuite,
  levels: levelsSuite,
  processors: processorsSuite,
  throttled: throttledSuite,
  formats: formatsSuite,
  convert: convertSuite,
  verify: verifySuite,
  clones: clonesSuite,
  reading: readingSuite,
  store: storeSuite,
}

/** The name of a suite. */
export type SuiteName =
  | 'start'
  | 'save'
  | 'restore'
  | 'instant'
  | 'faults'
  | 'live'
  | 'channels'
  | 'levels'
  | 'processors'
  | 'throttled'
  | 'formats'
  | 'convert'
  | 'verify'
  | 'clones'
  | 'reading'
  | 'store'

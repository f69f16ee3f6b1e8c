import { setTimeout as delay } from 'node:timers/promises'
import { removeDefinition, writeDefinition } from '../../src/domain/store/definitions.ts'
import type { Directories } from '../../src/domain/store/directories.ts'
import { smallXml } from './test-store.ts'

const WITNESS = 'witness'
/** Longer than the time between two looks of `watchEvents`. */
const LOOK_MS = 400

/** Waits until a watch of events has taken its first look: from then on it sees that a domain is defined. `hasSeen` says whether it has seen one. */
export async function untilWatching(
  directories: Directories,
  hasSeen: () => boolean,
): Promise<void> {
  const xml = smallXml({ name: WITNESS, uuid: '22222222-3333-4444-8555-666666666666' })
  while (!hasSeen()) {
    await writeDefinition(directories, WITNESS, xml)
    await delay(LOOK_MS)
    await removeDefinition(directories, WITNESS)
    await delay(LOOK_MS)
  }
}

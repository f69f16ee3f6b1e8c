import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from './cell.ts'
import { sharedState } from './domain-resource.ts'
import { Ledger } from './ledger.ts'
import type { Scenario } from './scenario.ts'
import { Timeline } from './timeline.ts'

const INTERVAL_S = 5

/** A node loses its power, and its guest returns to its last checkpoint. */
export const nodeOffWithCheckpoints: Scenario = {
  name: `node off, a checkpoint every ${INTERVAL_S} s`,
  async run({ bed, cell, emulator, resourceOf }) {
    const guest = await Ledger.make(bed, 'copied', emulator)
    const parameters = { copy_interval: String(INTERVAL_S), on_loss: 'checkpoint' }
    await cell.add(resourceOf(bed, guest, parameters))
    const node = await cell.started(guest.name)
    await guest.writesAgain()
    const folder = bed.outside(join(sharedState(bed), 'checkpoints', guest.name))
    const copies = (): readonly string[] =>
      names(folder).filter((name) => name.startsWith('cluster-'))
    await until('a first checkpoint', () => copies().length > 0)
    const atFirst = guest.last()
    await until('a second checkpoint, and the first is deleted', () => {
      const [only, ...more] = copies()
      return more.length === 0 && only !== undefined && only !== 'cluster-000001'
    })
    await delay(1000)
    guest.assertUnbroken()

    using timeline = new Timeline(guest)
    const faultAt = Date.now()
    await bed.do('crash', node)
    await cell.started(guest.name, node)
    await guest.writesAgain()
    const silence = timeline.longestSilence(faultAt)
    const lost = guest.assertReturned(atFirst)
    await cell.parameter(guest.name, 'copy_interval', '0')
    await cell.allOnline()
    await cell.targetRole(guest.name, 'Stopped')
    await cell.stopped(guest.name)
    guest.assertUnbroken()
    const flat = join(bed.shared, guest.name, 'flat.img')
    await cell.ask('sh', '-c', flatten(sharedState(bed), guest.name, flat))
    guest.assertDisk(bed.outside(flat))
    await cell.remove(guest.name)
    await cell.settled()
    assert.ok(lost > 0)
    return {
      outcome: `continues elsewhere from its checkpoint, ${(lost / 18).toFixed(0)} s of its work are lost`,
      seconds: (silence.until - faultAt) / 1000,
    }
  },
}

function names(folder: string): readonly string[] {
  try {
    return readdirSync(folder).toSorted()
  } catch {
    return []
  }
}

/** Writes the disk that the definition names, with all below it, as a raw file. */
function flatten(stateDir: string, name: string, target: string): string {
  const disk = `$(sed -n "s/.*<source file='\\([^']*\\)'.*/\\1/p" ${stateDir}/domains/${name}.xml | head -n 1)`
  return `qemu-img convert -O raw "${disk}" ${target}`
}

import assert from 'node:assert/strict'
import { NODES } from './bed.ts'
import { Ledger } from './ledger.ts'
import { type Scenario, nodeOf, qemusOf } from './scenario.ts'
import { Timeline } from './timeline.ts'

/** A node is emptied for maintenance. */
export const drain: Scenario = {
  name: 'drain, one guest',
  async run(stage) {
    const { cell, guest } = stage
    using timeline = new Timeline(guest)
    const node = await nodeOf(stage)
    const { boot } = guest.last()
    const ordered = Date.now()
    await cell.standby(node, true)
    await cell.started(guest.name, node)
    await guest.writesAgain()
    assert.equal(guest.last().boot, boot, 'it was not booted')
    const silence = timeline.longestSilence(ordered)
    await cell.standby(node, false)
    await cell.settled()
    return {
      outcome: `continues elsewhere, silent for ${seconds(silence.from, silence.until).toFixed(1)} s`,
      seconds: seconds(ordered, silence.until),
    }
  },
}

const MANY = 8

/** A node is emptied that has eight guests. */
export const drainMany: Scenario = {
  name: `drain, ${MANY} guests at once`,
  async run({ bed, cell, guest, emulator, resourceOf }) {
    await cell.targetRole(guest.name, 'Stopped')
    await cell.stopped(guest.name)
    for (const node of NODES.slice(1)) await cell.standby(node, true)
    const guests = await Promise.all(
      Array.from({ length: MANY }, (_, index) => Ledger.make(bed, `many${index}`, emulator)),
    )
    for (const each of guests) await cell.add(resourceOf(bed, each))
    for (const each of guests) assert.equal(await cell.started(each.name), NODES[0])
    for (const each of guests) await each.writesAgain()
    for (const node of NODES.slice(1)) await cell.standby(node, false)
    await cell.settled()

    using stack = new DisposableStack()
    const timelines = guests.map((each) => stack.use(new Timeline(each)))
    const ordered = Date.now()
    await cell.standby(NODES[0], true)
    await cell.settled()
    for (const each of guests) await each.writesAgain()
    const ends = timelines.map((timeline) => timeline.longestSilence(ordered).until)

    for (const each of guests) {
      assert.equal(each.last().boot, 1, `${each.name} was not booted`)
      each.assertUnbroken()
      await cell.targetRole(each.name, 'Stopped')
    }
    for (const each of guests) {
      await cell.stopped(each.name)
      each.assertDisk()
    }
    for (const each of guests) await cell.remove(each.name)
    await cell.standby(NODES[0], false)
    await cell.targetRole(guest.name, 'Started')
    await guest.writesAgain()
    await cell.settled()
    return { outcome: 'all continue elsewhere', seconds: seconds(ordered, Math.max(...ends)) }
  },
}

/** The guest is parked. */
export const park: Scenario = {
  name: 'park',
  async run({ cell, guest }) {
    const ordered = Date.now()
    await cell.targetRole(guest.name, 'Stopped')
    await cell.stopped(guest.name)
    const stopped = Date.now()
    assert.deepEqual(qemusOf(guest), [])
    guest.assertDisk()
    return { outcome: 'no QEMU, its disk as its log', seconds: seconds(ordered, stopped) }
  },
}

/** The parked guest is woken. */
export const wake: Scenario = {
  name: 'wake',
  async run({ cell, guest }) {
    const { boot } = guest.last()
    using timeline = new Timeline(guest)
    const ordered = Date.now()
    await cell.targetRole(guest.name, 'Started')
    await guest.writesAgain()
    assert.equal(guest.last().boot, boot, 'it was not booted')
    await cell.settled()
    return {
      outcome: 'continues',
      seconds: seconds(ordered, timeline.longestSilence(ordered).until),
    }
  },
}

/** Its parameters change while it runs: nobody notices. */
export const reload: Scenario = {
  name: 'change a parameter',
  async run({ cell, guest }) {
    const before = qemusOf(guest)
    await cell.parameter(guest.name, 'save_options', '--max-bandwidth 500M')
    await cell.settled()
    await guest.writesAgain()
    assert.deepEqual(qemusOf(guest), before)
    return { outcome: 'runs on in the same QEMU' }
  },
}

function seconds(from: number, to: number): number {
  return (to - from) / 1000
}

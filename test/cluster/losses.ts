import assert from 'node:assert/strict'
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Node } from './bed.ts'
import { until } from './cell.ts'
import { sharedState } from './domain-resource.ts'
import { type Outcome, type Scenario, type Stage, nodeOf, qemusOf } from './scenario.ts'
import { Timeline } from './timeline.ts'

/** A node loses its cluster daemons, and its guest lives on until the node is switched off. */
export const daemonsKilled: Scenario = {
  name: 'daemons killed, guest alive',
  async run(stage) {
    const node = await nodeOf(stage)
    const [qemu] = qemusOf(stage.guest)
    return afterLoss(stage, node, async () => {
      // By their names inside the node, where only its own are.
      await stage.bed.must(
        node,
        'sh',
        '-c',
        'for each in /proc/[0-9]*; do read -r name <$each/comm || continue; case $name in corosync|pacemaker*) kill -9 ${each#/proc/};; esac; done 2>/dev/null; true',
      )
      assert.deepEqual(qemusOf(stage.guest), [qemu], 'it still runs')
    })
  },
}

/** A node loses its power. */
export const nodeOff: Scenario = {
  name: 'node off',
  async run(stage) {
    const node = await nodeOf(stage)
    return afterLoss(stage, node, () => stage.bed.do('crash', node))
  },
}

/** A node loses its power in the middle of a save. */
export const offInSave: Scenario = {
  name: 'node off during a save',
  async run(stage) {
    const { bed, cell, guest } = stage
    const node = await nodeOf(stage)
    const { [node]: pid } = await bed.pids()
    await cell.parameter(guest.name, 'save_options', '--max-bandwidth 500K')
    await cell.settled()
    const folder = bed.outside(join(sharedState(bed), 'save'))
    const outcome = await afterLoss(stage, node, async () => {
      await cell.standby(node, true)
      await until('a save begins', () => isSaving(folder), { everyMs: 10 })
      await delay(300)
      assert.ok(isSaving(folder), 'the save is still in progress')
      process.kill(pid, 'SIGKILL')
      await cell.standby(node, false)
    })
    await cell.parameter(guest.name, 'save_options', undefined)
    await cell.settled()
    return outcome
  },
}

/** A node loses its power in the middle of a restore: before the guest has begun, or right after it. */
export const offInRestore: Scenario = restoreCutOff('node off during a restore', false)
export const offAfterRestore: Scenario = restoreCutOff(
  'node off when a restored guest has begun',
  true,
)

function restoreCutOff(name: string, hasBegun: boolean): Scenario {
  return { name, run: (stage) => cutOff(stage, hasBegun) }
}

async function cutOff(stage: Stage, hasBegun: boolean): Promise<Outcome> {
  const { bed, cell, guest } = stage
  await cell.targetRole(guest.name, 'Stopped')
  await cell.stopped(guest.name)
  const pids = await bed.pids()
  using timeline = new Timeline(guest)
  const before = guest.last()
  await cell.targetRole(guest.name, 'Started')
  const [qemu = 0] = await until(
    'a QEMU for the restore',
    () => {
      const found = qemusOf(guest)
      return found.length > 0 && found
    },
    { everyMs: 5 },
  )
  const { pidOfNode, node } = ownerOf(qemu, pids)
  if (hasBegun)
    await until('the guest continues', () => guest.last().count > before.count, { everyMs: 5 })
  const faultAt = Date.now()
  process.kill(pidOfNode, 'SIGKILL')
  const printed = guest.last()
  await guest.writesAgain()
  const silence = timeline.longestSilence(faultAt)
  const when = printed.count === before.count ? 'before it began' : 'after it began'
  const outcome = await whatBecame(stage, node, before.boot)
  // Its memory has been used: nobody continues from that image again.
  if (hasBegun) assert.equal(outcome, 'booted elsewhere')
  return { outcome: `${outcome} (cut ${when})`, seconds: (silence.until - faultAt) / 1000 }
}

/** The node where a process is. */
function ownerOf(
  qemu: number,
  pids: Readonly<Record<Node, number>>,
): { readonly pidOfNode: number; readonly node: Node } {
  const network = readlinkSync(`/proc/${qemu}/ns/net`)
  const found = Object.entries(pids).find(
    ([, pid]) => pid > 0 && readlinkSync(`/proc/${pid}/ns/net`) === network,
  )
  if (found === undefined) throw new Error('QEMU runs on no node')
  return { node: found[0] as Node, pidOfNode: found[1] }
}

function isSaving(folder: string): boolean {
  return existsSync(folder) && readdirSync(folder).some((name) => name.endsWith('.partial'))
}

/** Makes a fault on a node, and waits until the guest runs elsewhere, and the node is online again. */
export async function afterLoss(
  stage: Stage,
  node: Node,
  fault: () => Promise<unknown>,
): Promise<Outcome> {
  const { guest } = stage
  using timeline = new Timeline(guest)
  const { boot } = guest.last()
  const faultAt = Date.now()
  await fault()
  await stage.cell.started(guest.name, node)
  await guest.writesAgain()
  const silence = timeline.longestSilence(faultAt)
  const outcome = await whatBecame(stage, node, boot)
  return { outcome, seconds: (silence.until - faultAt) / 1000 }
}

async function whatBecame(stage: Stage, lost: Node, boot: number): Promise<string> {
  const { bed, cell, guest } = stage
  const last = bed.powerLog().findLast((line) => line.includes(` ${lost} `))
  assert.match(last ?? '', / (was )?off$/, `the power strip was asked to switch ${lost} off`)
  await cell.allOnline()
  await cell.settled()
  return guest.last().boot === boot ? 'continues elsewhere' : 'booted elsewhere'
}
